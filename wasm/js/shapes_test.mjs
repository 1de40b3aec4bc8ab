// node --test wasm/js: from the gateway's bodies to what the package promises.
import assert from 'node:assert/strict';
import { register } from 'node:module';
import test from 'node:test';

// wasm_exec.js is generated; nothing here starts a core.
register(`data:text/javascript,${encodeURIComponent(`export const resolve = (name, context, next) => name === './wasm_exec.js'
  ? { url: 'data:text/javascript,export const Go = undefined, run = undefined', shortCircuit: true } : next(name, context);`)}`);
const { approvable, change, fitting, more, purchaseOf, quoteInput, rowOf, rowsOf, stepOf } = await import('./shapes.js');
const { problem } = await import('./port.js');

const input = (amount) => ({ pay: { amount, currency: 'EUR' }, asset: 'ethereum', method: 'card', country: 'FR' });
const code = (f) => { try { f(); } catch (e) { return e.code; } return ''; };

test('an amount is decimal text that can be read in one way', () => {
  for (const [amount, want] of [['250', ''], ['1250.50', ''], ['1.000', ''], ['1'.repeat(40), ''], ['1'.repeat(41), 'AMOUNT_INVALID'], ['1,000', 'AMOUNT_AMBIGUOUS'],
    ['1.000.000', 'AMOUNT_AMBIGUOUS'], ["1'000", 'AMOUNT_AMBIGUOUS'], ['1,5', 'AMOUNT_INVALID'], ['-1', 'AMOUNT_INVALID'], ['1e3', 'AMOUNT_INVALID'], ['', 'AMOUNT_INVALID'], [250, 'PROP_INVALID'], [undefined, 'PROP_INVALID']]) {
    assert.equal(code(() => quoteInput(input(amount))), want, String(amount));
  }
  assert.equal(code(() => quoteInput({ ...input('1'), country: undefined })), 'PROP_INVALID');
  assert.equal(code(() => quoteInput(undefined)), 'PROP_INVALID');
});

test('amounts of any length are compared exactly', () => {
  for (const [a, b] of [['2', '1'], ['10', '9'], ['0.10', '0.09'], ['1.000000000000000000000000000000000001', '1'], ['9'.repeat(40), '8'.repeat(40)]]) {
    assert.ok(more(a, b) > 0 && more(b, a) < 0, `${a} ${b}`);
  }
  assert.equal(more('1.50', '01.5'), 0);
});

const quoted = (id, amount) => rowOf({ row: { id: `quo_${id}`, provider: id, provider_name: id, crypto_amount: amount, price_type: 'firm', received_at: '2026-11-20T12:00:00Z', expires_at: '2026-11-20T12:01:00Z', settlement_seconds: { min: 60, max: 120 } } }, 'acc_a');
const out = (id, stage, code, fix) => rowOf({ out: { provider: id, provider_name: id, stage, code, message: 'm', fix } }, 'acc_a');

test('rows come best first, and each provider keeps its place', () => {
  const rows = new Map([['a', quoted('a', '9.5')], ['b', out('b', 'transport', 'TIMEOUT')], ['c', quoted('c', '10')], ['d', { state: 'waiting', provider: { id: 'd' } }], ['e', out('e', 'eligibility', 'AMOUNT_ABOVE_MAX', { field: 'amount', value: '150', text: 't' })], ['f', out('f', 'eligibility', 'CIRCUIT_OPEN')]]);
  assert.deepEqual(rowsOf(rows).map((r) => (r.quote ?? r).provider.id), ['c', 'a', 'd', 'b', 'e', 'f']);
  assert.deepEqual(rows.get('e').fix, { pay: { amount: '150' } });
  const two = out('g', 'eligibility', 'FIAT_UNSUPPORTED', { field: 'from', value: 'USD', also: [{ field: 'amount', value: '50' }, { field: 'country', value: 'US' }] });
  assert.deepEqual(two.fix, { pay: { currency: 'USD', amount: '50' }, country: 'US' });
  assert.equal(rows.get('f').state, 'down');
  assert.equal(rows.get('a').quote.fees, 'not disclosed');
  assert.equal(rows.get('a').quote.arrives.to, '2026-11-20T12:02:00.000Z');
  assert.equal(rows.get('a').quote.firmUntil, '2026-11-20T12:01:00Z');
});

const request = (state, more = {}) => ({ id: 'req_a', entity: 'ent_a', state, sentence: 's', needed: 2, approved: 0, expires_at: 'late', intent: { kind: 'buy', fiat: { amount: '1', currency: 'EUR' }, crypto: {}, provider: 'p', provider_name: 'P' },
  approvers: [{ member: 'mem_a', name: 'A' }, { member: 'mem_b', name: 'B', decision: 'APPROVE', at: 'then' }], ...more });

test('a purchase says what it wants next', () => {
  assert.deepEqual(['pending', 'pending_initiation', 'approved', 'ordered', 'completed', 'expired', 'lapsed', 'rejected', 'later'].map((s) => purchaseOf(request(s)).state),
    ['decide', 'decide', 'ready', 'at-provider', 'done', 'expired', 'expired', 'rejected', 'later']);
  assert.equal(purchaseOf(request('approved', { intent: { kind: 'group.put' } })).state, 'done', 'a change of the vault is done when it is approved');
  assert.equal(purchaseOf(request('approved', { use_by: 'soon' })).until, 'soon');
  assert.deepEqual(purchaseOf(request('pending')).approvals, [{ member: 'mem_b', name: 'B', at: 'then' }]);
});

test('a change is told once, and only when it is one', () => {
  assert.equal(change(request('approved', { approved: 2 }), request('pending', { approved: 1 })), 'approved');
  assert.equal(change(request('approved'), request('approved')), '');
  assert.equal(change(request('pending'), undefined), 'requested');
  assert.equal(change(request('pending', { approved: 1 }), undefined), 'approved');
  assert.equal(change({ promised: {}, state: 'created' }, undefined), 'ordered');
  assert.equal(change({ promised: {}, state: 'completed' }, { state: 'processing' }), 'delivered');
});

test('who decides is a member at this computer whose device is there and free', () => {
  const at = (member, more) => ({ entity: 'ent_a', member, present: true, ...more });
  const r = request('pending', { approvers: [{ member: 'mem_a' }, { member: 'mem_c' }, { member: 'mem_b', decision: 'APPROVE' }] });
  assert.equal(approvable(r, [at('mem_b'), at('mem_a', { holder: 'http://x' }), at('mem_c')]), 'mem_c');
  assert.equal(approvable(r, [at('mem_a', { present: false })]), 'mem_a');
  assert.equal(approvable(r, [at('mem_c', { entity: 'ent_b' })]), undefined);
});

test('steps are those that a person takes', () => {
  assert.equal(stepOf({ prompt: { open: true, kind: 'pin', again: true } }).step, 'pin');
  assert.deepEqual(stepOf({ lines: 'a\nb' }).lines, ['a', 'b']);
  assert.equal(stepOf({ prompt: { open: false } }), undefined);
  assert.equal(stepOf({ signed: true }).step, 'signed');
  assert.deepEqual(stepOf({ verdict: { have: 1, of: 2 } }), { step: 'verified', have: 1, of: 2 });
});

test('an error says what has happened all the same', () => {
  for (const [code, details, call, want, done] of [
    ['UNAVAILABLE', {}, 'makeRequest', 'GATEWAY_UNREACHABLE', 'unknown'], ['UNAVAILABLE', {}, 'providers', 'GATEWAY_UNREACHABLE', 'nothing'],
    ['DECLINED', {}, 'decide', 'DECLINED', 'nothing'], ['UNAVAILABLE', { unknown: 'true' }, 'decide', 'GATEWAY_UNREACHABLE', 'unknown'],
    ['UNAVAILABLE', { problem: 'not running' }, 'connect', 'BRIDGE_NOT_RUNNING', 'nothing'], ['PAIRING_REFUSED', { problem: 'pairing refused' }, 'connect', 'PAIRING_REFUSED', 'nothing'],
    ['UNAVAILABLE', { problem: 'not a gateway' }, 'session', 'NOT_A_GATEWAY', 'nothing'], ['QUOTE_CHANGED', {}, 'makeOrder', 'PRICE_WORSE', 'nothing'], ['ALREADY_APPROVED', {}, 'decide', 'ALREADY_APPROVED', 'sent'],
  ]) {
    const e = problem({ code, message: 'm', details, remedy: 'r' }, call);
    assert.deepEqual([e.code, e.done, e.remedy, e instanceof Error], [want, done, 'r', true], `${code} ${call}`);
  }
  assert.equal(problem({ code: 'RATE_LIMITED', message: 'm', details: { retry_after: '3' } }).retryAfter, 3);
});

test('a page of requests of which none fits is not the end of the list', async () => {
  const asked = [], page = (n) => ({ items: [{ id: `req_${n}`, state: n === 3 ? 'pending' : 'completed', sentence: `Buy ${n}`, intent: {} }], next_cursor: n < 40 ? `req_${n}` : undefined });
  const ask = async (args) => { asked.push(args); return page(args.cursor ? Number(args.cursor.slice(4)) + 1 : 1); };
  const ids = ({ items, next }) => [items.map((r) => r.id), next];
  assert.deepEqual(ids(await fitting(ask, { state: 'decide' })), [['req_3'], 'req_3']);
  assert.deepEqual(asked, [{}, { cursor: 'req_1' }, { cursor: 'req_2' }]);
  assert.deepEqual(ids(await fitting(ask, { text: 'buy 12' })), [['req_12'], 'req_12']);
  assert.deepEqual(ids(await fitting(ask, { text: 'no such' })), [[], 'req_20'], 'and the gateway is not asked for ever');
  assert.deepEqual(ids(await fitting(ask, { text: 'no such', cursor: 'req_30' })), [[], undefined]);
  asked.length = 0;
  assert.deepEqual(ids(await fitting(ask, { state: 'done' })), [['req_1'], 'req_1']);
  assert.deepEqual(ids(await fitting(ask, { state: 'ready', cursor: 'req_39' })), [[], undefined]);
  assert.deepEqual(asked, [{}, { state: 'approved', cursor: 'req_39' }], 'one state is asked for, two are not');
});
