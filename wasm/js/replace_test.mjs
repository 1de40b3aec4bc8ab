import assert from 'node:assert/strict';
import { test } from 'node:test';

import { blank, check, feeOf, intentOf, replaceable } from './replace.js';
import { Replacing } from './replacing.js';

const ETH = { ticker: 'ETH', places: 18 };
const cost = (more) => ({ action: 'SPEED_UP', coin: 'ethereum', spare: '1.2', fee_before: '0.00004', least: '0.000045', speeds: [{ name: 'slow', max_fee: '0.000045' }, { name: 'normal', max_fee: '0.00007' }, { name: 'fast', max_fee: '0.00013' }], ...more });
const request = { id: 'req_a', intent: { kind: 'transfer', account: 'acc_treasury', chain: 'eip155:1', max_fee: { asset: 'ethereum' } }, sending: { state: 'submitted', attempts: [{ hash: '0x01' }] } };
const own = (fee) => ({ ...blank('SPEED_UP'), speed: 'own', fee });

test('a transfer that was signed and is in no block can be replaced, and nothing else', () => {
  assert.equal(replaceable(request), true);
  for (const [why, r] of Object.entries({
    'in a block': { ...request, sending: { ...request.sending, state: 'included' } }, 'not signed': { ...request, sending: { state: 'approved', attempts: [] } },
    'about to be signed': { ...request, sending: { state: 'approved', attempts: [{}] } }, 'what replaces one': { ...request, intent: { ...request.intent, kind: 'replace' } }, 'not approved': { ...request, sending: undefined },
  })) assert.equal(replaceable(r), false, why);
});

test('the fee is one of three speeds, or another that replaces what was signed and that the account has', () => {
  assert.equal(feeOf(blank('CANCEL'), cost()), '0.00007');
  assert.deepEqual(check(blank('CANCEL'), cost(), ETH), []);
  assert.deepEqual(check(own(''), cost(), ETH), [], 'nothing is typed yet');
  for (const [fee, why] of [['', /Write an amount/], ['0', /zero/], ['x', /digits/], ['1.000', /two amounts/], ['0.00004', /at least 0\.000045 ETH/], ['2', /has 1\.2 ETH/], ['0.0000000000000000001', /18 decimals/]]) {
    assert.match(check(own(fee), cost(), ETH, true)[0]?.message ?? '', why, fee);
  }
  assert.deepEqual(check(own('0,0001'), cost(), ETH, true), []);
  assert.match(check(own('0,00001'), cost(), ETH, true, 'de')[0].message, /at least 0,000045 ETH/, 'in the page’s language');
});

test('what is asked for names the transfer and leaves to the vault what it knows', () => {
  const intent = intentOf({ ...own('0,0001'), purpose: ' late ' }, request, cost());
  assert.deepEqual([intent.kind, intent.request, intent.action, intent.max_fee, intent.purpose, intent.nonce], ['replace', 'req_a', 'SPEED_UP', { amount: '0.0001', asset: 'ethereum' }, 'late', 0]);
  assert.equal(intentOf(own('x'), request, cost()), undefined);
  assert.equal(intentOf(blank('CANCEL'), request, undefined), undefined);
});

// ready waits until what is shown fits.
async function ready(replacing, fits, painted) {
  while (!fits(replacing.state)) await painted();
}

// page is Replacing before a gateway that answers with answers[what], or fails with it.
function page(answers) {
  const asked = [], made = [];
  let wake = () => {};
  const replacing = new Replacing({
    ask: async (path, { body, headers } = {}) => {
      const what = path.includes('replace-cost') ? 'cost' : headers['Dry-Run'] ? 'dry' : 'made';
      asked.push({ what, path, body, key: headers?.['Idempotency-Key'] });
      const answer = answers[what];
      if (answer instanceof Error) throw answer;
      return answer;
    },
    paint: () => wake(), made: (r) => { made.push(r); wake(); },
  });
  return { replacing, asked, made, painted: () => new Promise((next) => { wake = next; }) };
}

test('whoever presses again after no clear answer asks for the same request', async () => {
  const lost = Object.assign(new Error('the gateway does not answer'), { name: 'CountersignError', code: 'GATEWAY_UNREACHABLE' });
  const answers = { cost: cost(), dry: { decision: { state: 'PENDING_APPROVAL' } }, made: lost }, p = page(answers);
  p.replacing.act('r.open:SPEED_UP', '', request, ETH);
  await ready(p.replacing, (s) => s.dry.value, p.painted);
  p.replacing.act('r.send', '', request, ETH);
  await ready(p.replacing, (s) => s.failed, p.painted);
  answers.made = { id: 'req_b' };
  p.replacing.act('r.send', '', request, ETH);
  while (p.made.length === 0) await p.painted();
  const sent = p.asked.filter((a) => a.what === 'made');
  assert.equal(sent.length, 2);
  assert.deepEqual(sent[0], sent[1]);
  assert.deepEqual(p.made, [{ id: 'req_b' }]);
  assert.equal(p.replacing.state, undefined, 'the form is closed');
});

test('a transfer that came into a block meanwhile says so', async () => {
  const over = Object.assign(new Error('the transaction of req_a is in a block: nothing can replace it'), { name: 'CountersignError', code: 'CONFLICT' });
  const p = page({ cost: over });
  p.replacing.act('r.open:CANCEL', '', request, ETH);
  await ready(p.replacing, (s) => s.failed, p.painted);
  assert.equal(p.replacing.state.failed, over);
  assert.deepEqual(p.asked.map((a) => a.path), ['/v1/requests/req_a/replace-cost?action=CANCEL']);
  p.replacing.act('r.close', '', request, ETH);
  assert.equal(p.replacing.state, undefined);
});
