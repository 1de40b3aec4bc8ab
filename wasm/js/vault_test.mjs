// node --test wasm/js: what the vault's screens make of what the gateway says.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { register } from 'node:module';
import test from 'node:test';

// wasm_exec.js is generated; nothing here starts a module.
register(`data:text/javascript,${encodeURIComponent(`export const resolve = (name, context, next) => name === './wasm_exec.js'
  ? { url: 'data:text/javascript,export const Go = undefined, run = undefined', shortCircuit: true } : next(name, context);`)}`);
const { compared } = await import('./diff.js');
const { picked, targets } = await import('./vaultviews.js');
const { vaultPicture } = await import('./vaultpicture.js');
const { rootOf } = await import('./receiptview.js');
const { asker } = await import('./ask.js');

const sample = JSON.parse(readFileSync(new URL('../../web/dashboard/gallery/page/vault.json', import.meta.url)));
const state = (more) => ({ lang: 'en', vault: { value: sample.vault }, objects: new Map(), picks: new Map(), log: { value: sample.log }, note: { value: sample.note }, ...more });

// words are all texts of a picture; hrefs where it leads.
const words = (node) => (typeof node === 'string' ? node : Array.isArray(node) ? (node[2] ?? []).map(words).join(' ') : '').replace(/[ \n]+/g, ' ');
const hrefs = (node) => (Array.isArray(node) ? [...(node[1]?.href ? [node[1].href] : []), ...(node[2] ?? []).flatMap(hrefs)] : []);
const line = (value, label = 'l') => ({ label, value });

test('of two versions each line is added, removed or kept, and most are kept', () => {
  const marks = (a, b) => compared([...a].map((v) => line(v)), [...b].map((v) => line(v))).map((l) => ({ added: '+', removed: '-', kept: ' ' })[l.mark] + l.value).join('');
  assert.equal(marks('abc', 'abc'), ' a b c');
  assert.equal(marks('abc', 'axc'), ' a-b+x c');
  assert.equal(marks('', 'ab'), '+a+b');
  assert.equal(marks('ab', ''), '-a-b');
  assert.equal(marks('abcd', 'bcda'), '-a b c d+a', 'what moves is removed and added');
  assert.deepEqual(compared([line('x', 'Rule')], [line('x', 'Name')]).map((l) => l.mark), ['removed', 'added'], 'a label is part of its line');
});

test('a rule says whom it lets an account pay', () => {
  const of = (when) => targets(sample.vault, { when }).map((t) => t.name);
  assert.deepEqual(of(undefined), ['any provider'], 'a rule without kinds is for purchases');
  assert.deepEqual(of([{ filter: { kinds: ['transfer'] } }]), ['any address']);
  assert.deepEqual(of([{ filter: { kinds: ['transfer', 'buy'] } }]), ['any provider', 'any address']);
  assert.deepEqual(of([{ whitelist: { whitelist: 'wls_suppliers' } }]), ['Suppliers']);
  assert.deepEqual(of([{ whitelist: { providers: ['northpay'] } }]), ['provider northpay']);
  const vault = { ...sample.vault, accounts: sample.vault.accounts.map((a) => (a.id === 'acc_trading' ? { ...a, tier: 'TRADING', parent: 'acc_treasury' } : a)) };
  const paid = (recipient, from) => targets(vault, { when: [{ filter: { kinds: ['transfer'] } }, { recipient }] }, from).map((t) => t.name);
  assert.deepEqual(paid({ children: true }, 'acc_treasury'), ['Trading'], 'the layered wallets: a treasury pays the accounts that it funds');
  assert.deepEqual(paid({ children: true }, 'acc_trading'), ['accounts that this one funds']);
  assert.deepEqual(paid({ accounts: ['acc_treasury'] }, 'acc_trading'), ['Treasury']);
  assert.match(words(vaultPicture(state({ at: '', vault: { value: vault } }))), /Sandbox chain · TRADING · funded by Treasury/);
});

test('who may pay whom leads from an account to its whitelists and versions', () => {
  const picture = vaultPicture(state({ at: '' }));
  for (const said of ['Treasury', 'To trading only', 'Transfers, to an address in Trading wallet', 'Trading (the account Trading)', 'Acme Industrial Supplies, Payroll', '2 of the group Board', 'Denied', 'cannonball']) assert.ok(words(picture).includes(said), said);
  for (const to of ['/vault/acc_treasury', '/vault/wls_trading', '/vault/members']) assert.ok(hrefs(picture).includes(to), to);
});

test('reporting keys say what they read, until when, and when they were used', () => {
  const picture = vaultPicture(state({ at: 'reporting' }));
  assert.match(words(picture), /Accounting Treasury Trading Nov 20, 2027 Nov 20, 2026, .* Active Revoke Audit of 2025 Every account, and the whole log .* Expired Revoke Back office of the old house Trading – Never Revoked/);
  for (const to of ['/vault/new_reporting_key', '/vault/rpk_accounting', '/vault/revoke_rpk_accounting', '/vault/acc_trading']) assert.ok(hrefs(picture).includes(to), to);
  assert.match(words(vaultPicture(state({ at: 'reporting', vault: { value: { ...sample.vault, reporting_keys: [] } } }))), /No reporting keys/);
  const at = 'rpk_backoffice', object = vaultPicture(state({ at, objects: new Map([[at, { value: sample.reporting_object }]]) }));
  assert.match(words(object), /Reporting key .* 1 line added, 1 removed, 8 kept/);
});

test('an account says its standing rule', () => {
  const said = words(vaultPicture(state({ at: '' })));
  assert.equal(said.match(/goes on to its own address without asking, for at most 0\.001 of the chain’s coin each time, and 0\.01 in 24 hours/g).length, 1, 'of the account that has one alone');
});

test('an address that is an account of the vault is told apart', () => {
  assert.match(words(vaultPicture(state({ at: 'whitelists' }))), /Trading \(the account Trading\)/);
});

test('each version says who approved it and leads to its request; two are compared', () => {
  const at = sample.object.id, objects = new Map([[at, { value: sample.object }]]), picture = vaultPicture(state({ at, objects }));
  assert.match(words(picture), /2 lines added, 1 removed, 2 kept/);
  assert.match(words(picture), /Approved by Alice Martin and Bob Keller/);
  assert.ok(hrefs(picture).includes('/requests/req_dddddddddddddddddddddddddd'));
  const numbers = (pick) => picked(sample.object, pick).map((v) => v?.version);
  assert.deepEqual(numbers(undefined), [2, 3]);
  assert.deepEqual(numbers([1, 3]), [1, 3]);
  assert.deepEqual(numbers([2, 2]), [1, 2], 'an older version is compared with what was before it');
  assert.deepEqual(picked(sample.single, undefined), [undefined, sample.single.versions[0]]);
});

test('an address that shows nothing says so, and an error what to do', () => {
  assert.match(words(vaultPicture(state({ at: 'nowhere' }))), /There is nothing here/);
  const failed = words(vaultPicture(state({ at: 'grp_none', objects: new Map([['grp_none', { error: { code: 'NOT_FOUND', message: 'the vault has no such object', remedy: 'r' } }]]) })));
  assert.match(failed, /The vault has no such object r NOT_FOUND Try again/);
});

test('a receipt holds for a key that the person compared, and for no other without a word', () => {
  const root = sample.vault.root.thumbprint, receipt = { name: 'r.json', answer: sample.answer, key: root };
  assert.match(words(vaultPicture(state({ at: 'receipt', receipt, trusted: root }))), /This receipt holds/);
  assert.match(words(vaultPicture(state({ at: 'receipt', receipt }))), /It holds for the key that the gateway names/);
  assert.match(words(vaultPicture(state({ at: 'receipt', receipt: { ...receipt, key: 'mine' }, trusted: 'mine' }))), /The gateway names another root key/);
  const refused = words(vaultPicture(state({ at: 'receipt', receipt: { name: 'r.json', answer: sample.refused }, trusted: root })));
  assert.match(refused, /This receipt does not hold.*What does not fit: entry 7/);
});

test('a root key is written as thumbprint, words or digits', () => {
  const { root } = sample.vault;
  assert.deepEqual(rootOf(` ${root.thumbprint} `, root), { key: root.thumbprint });
  assert.deepEqual(rootOf(root.words.join(' ').toUpperCase(), root), { key: root.thumbprint });
  assert.deepEqual(rootOf(root.digits.join('\n'), root), { key: root.thumbprint });
  assert.deepEqual(rootOf(root.digits.join('-'), undefined), { key: root.digits.join(' ') }, 'without the gateway it is what was written');
  assert.equal(rootOf([...root.words].reverse().join(' '), root).key, [...root.words].reverse().join(' '));
  for (const wrong of ['', 'one two', '1 2 3 4 5 6 7 8', 'x'.repeat(42)]) assert.ok(rootOf(wrong, root).wrong, wrong);
});

test('the log leads to requests and is in words', () => {
  const picture = vaultPicture(state({ at: 'log' }));
  assert.match(words(picture), /Bob Keller approved: Change account Treasury/);
  assert.ok(hrefs(picture).includes('/requests/req_dddddddddddddddddddddddddd'));
  assert.match(words(picture), /Show older entries/);
});

test('the gateway is asked with the token of now, and once more with a new one', async (t) => {
  const asked = [], answers = [[401, { error: { code: 'AUTHENTICATION_ERROR', message: 'm' } }], [200, { ok: true }]];
  let token = 'old';
  t.mock.method(globalThis, 'fetch', async (url, o) => {
    asked.push([url, o.headers.Authorization]);
    const [status, body] = answers.shift();
    return new Response(JSON.stringify(body), { status });
  });
  const ask = asker('https://g.example', { token: async () => ({ access_token: token }), renew: async () => { token = 'new'; } });
  assert.deepEqual(await ask('/v1/vault'), { ok: true });
  assert.deepEqual(asked, [['https://g.example/v1/vault', 'Bearer old'], ['https://g.example/v1/vault', 'Bearer new']]);
  answers.push([404, { error: { code: 'NOT_FOUND', message: 'the vault has no such object', request_id: 'r' } }], [502, 'x']);
  await assert.rejects(ask('/v1/vault/x'), (e) => e.code === 'NOT_FOUND' && e.requestId === 'r');
  await assert.rejects(ask('/v1/vault/x'), (e) => e.code === 'GATEWAY_UNREACHABLE');
});

const dry = await import('./drypart.js');

test('a dry run says which rule governs, what remains and why no other rule does', () => {
  const names = new Map([['mem_alice', 'Alice'], ['mem_bob', 'Bob']]);
  const said = {
    decision: { state: 'PENDING', rule: 'small', expires: '2026-11-20T21:00:00Z', reasons: ['waiting'] },
    rules: [{ rule: 'small', result: 'GOVERNS' }, { rule: 'large', result: 'UNMET', why: '250 EUR is less than 1000 EUR' }],
    remaining: [{ step: 1, name: 'approval', quorums: [{ needed: 1, members: ['mem_alice', 'mem_bob'] }], exclude_initiator: true }, { step: 2, name: 'pause', quorums: [], delay: 86400 }],
    windows: [{ rule: 'small', currency: 'EUR', seconds: 86400, max: '50000', left: '49750' }, { rule: 'large', currency: 'EUR', seconds: 60, max: '1', left: '1' }],
  };
  assert.equal(words(dry.line(said, names)).trim(), 'Who decides: 1 of Alice and Bob, but not who asked, then 24 hours pass (small).');
  const whole = words(dry.whole(said, names, 'en'));
  for (const part of ['Of 50\u202f000 EUR in 24 hours, 49\u202f750 EUR is left before it.', 'Why no other rule', '250 EUR is less than 1000 EUR']) assert.ok(whole.includes(part), `${part}\n${whole}`);
  assert.ok(!whole.includes('Of 1 EUR'), 'windows of other rules are left out');
  const denied = { ...said, decision: { state: 'DENIED', reasons: ['no rule allows this', 'rule "small" does not apply: it is late'] }, remaining: [], windows: [] };
  assert.match(words(dry.line(denied, names)), /The vault would refuse it: rule "small" does not apply: it is late\./);
  const initiated = { ...said, decision: { ...said.decision, initiators: ['mem_bob'] } };
  assert.match(words(dry.line(initiated, names)), /one of Bob signs and sends it, then 1 of/);
  const screened = { ...said, remaining: [{ step: 1, name: 'screening', quorums: [], reviewer: 'mem_bob' }] };
  assert.equal(words(dry.line(screened, names)).trim(), 'Who decides: the program Bob approves (small).');
  for (const [n, want] of [[86400, '24 hours'], [172800, '2 days'], [3600, '1 hour'], [90, '90 seconds'], [300, '5 minutes']]) assert.equal(dry.span(n), want);
});

