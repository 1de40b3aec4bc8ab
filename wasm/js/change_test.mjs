// node --test wasm/js: what the forms of the vault make of what somebody types.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { edited, get, idFrom, secondsOf, set, spanOf } from './draft.js';
import { addressProblem, keccak } from './eip55.js';
import { doorsOf, formAt, isForm } from './forms.js';
import { sorted } from './impactview.js';
import { mistakes, placed, ruleOf, rulesOf, toDraft } from './ruleset.js';
import { actPreset } from './presets.js';
import { actRules } from './ruleview.js';
import { blankTrial, trialOf } from './trial.js';

const read = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url)));
const { vault, invited, reporting_secret: secret } = read('../../web/dashboard/gallery/page/vault.json');
const schemas = read('../../shared/spec/schemas/intent.json').$defs;

// begun is a form with what was typed in it.
function begun(at, actions = []) {
  const form = formAt(at), context = form.first ? secret : invited.find((i) => at.endsWith(i.member)), { draft, version } = form.begin(at, vault, context);
  const typed = actions.reduce((d, [action, value]) => form.act?.(d, action, value, { vault })?.draft ?? edited(d, action, value), draft);
  return { form, draft: typed, version, context, intent: () => form.intent(typed, version, context), wrong: () => form.check(typed, vault).map((e) => e.field) };
}

const KEY = [['set:name', 'Reports'], ['set:reporting_key', 'rpk_reports']];

test('each form asks for an intent in the form of its schema, fields in their order', () => {
  const places = ['change_grp_board', 'remove_grp_board', 'change_wls_suppliers', 'change_admin', 'change_acc_trading', 'suspend_mem_bob', 'resume_mem_dave', 'revoke_mem_bob', 'join_mem_frank', 'revoke_rpk_accounting'];
  const asked = new Set([...places.map((at) => begun(at).intent()), begun('new_account', [['set:name', 'Desk'], ['set:parent', 'acc_treasury'], ['preset:trading']]).intent(),
    begun('new_reporting_key', [...KEY, ['toggle:accounts:acc_trading'], ['set:expires', '2027-11-20'], ['set:purpose', 'The monthly report']]).intent()].map((i) => {
    const fields = Object.keys(schemas[i.kind].properties);
    assert.deepEqual(Object.keys(i), fields.filter((f) => f in i), i.kind);
    for (const needed of schemas[i.kind].required) assert.ok(needed in i, `${i.kind} has no ${needed}`);
    assert.equal(i.v, 1);
    return i.kind;
  }));
  for (const kind of Object.keys(schemas).filter((k) => k.includes('.'))) assert.ok(asked.has(kind) || ['member.replace_keys', 'vault.rotate_keys'].includes(kind), `no form asks for ${kind}`);
  const keys = formAt('join_mem_bob'), of = { ...invited[0], member: 'mem_bob' }, { draft, version } = keys.begin('join_mem_bob', vault, of);
  assert.deepEqual(keys.intent(draft, version, of), { kind: 'member.replace_keys', v: 1, member: 'mem_bob', from_version: 1, name: '', role: '', registration: 'eyJ' });
});

test('purpose and reference come last, and what is empty is left out', () => {
  const { intent } = begun('change_grp_board', [['set:purpose', ' Dave left '], ['toggle:members:mem_bob', '']]);
  assert.equal(JSON.stringify(intent()), '{"kind":"group.put","v":1,"group":"grp_board","from_version":3,"name":"Board","members":[{"member":"mem_alice","name":""}],"purpose":"Dave left"}');
});

test('a reporting key is asked for with the verifier of its secret, to the end of its last day', () => {
  const chosen = [...KEY, ['toggle:accounts:acc_trading'], ['set:expires', '2027-11-20']], asked = begun('new_reporting_key', chosen);
  assert.equal(JSON.stringify(asked.intent()), `{"kind":"reporting_key.create","v":1,"reporting_key":"rpk_reports","name":"Reports","reads":"ACCOUNTS","accounts":[{"account":"acc_trading","name":""}],"verifier":"${secret.verifier}","expires":${Date.parse('2027-11-20T23:59:59Z') / 1000}}`);
  assert.ok(!JSON.stringify([asked.draft, asked.intent()]).includes(secret.apiKey), 'the secret is in no draft and no intent');
  assert.equal(JSON.stringify(begun('new_reporting_key', [...chosen, ['set:reads', 'ALL'], ['set:expires', '']]).intent()), `{"kind":"reporting_key.create","v":1,"reporting_key":"rpk_reports","name":"Reports","reads":"ALL","verifier":"${secret.verifier}"}`);
  assert.deepEqual(begun('new_reporting_key').wrong(), ['name', 'reporting_key', 'accounts']);
  assert.deepEqual(begun('new_reporting_key', [...KEY, ['set:reads', 'ALL']]).wrong(), []);
  for (const [day, want] of [['2026-11-20', []], ['2026-11-19', ['expires']], ['soon', ['expires']], ['2027-02-31', ['expires']]]) assert.deepEqual(begun('new_reporting_key', [...chosen, ['set:expires', day]]).wrong(), want, day);
  assert.deepEqual(begun('new_reporting_key', [...chosen, ['set:reporting_key', 'rpk_backoffice']]).wrong(), ['reporting_key'], 'an id of what was revoked is not free');
  assert.equal(formAt('new_reporting_key').placed('accounts.0.account'), 'accounts');
});

test('a secret whose verifier is that of another is not shown', async () => {
  const { took } = formAt('new_reporting_key').first;
  await took(secret);
  await assert.rejects(took({ ...secret, verifier: vault.root.thumbprint }), (e) => e.code === 'INTERNAL_ERROR' && !e.message.includes(secret.apiKey));
});

test('the standing rule of an account has both amounts, or none', () => {
  const of = (most, day) => { const { intent, wrong } = begun('change_acc_treasury', [['set:sweep.max_fee', most], ['set:sweep.per_day', day]]); return [intent().sweep, wrong()]; };
  assert.deepEqual(begun('change_acc_treasury').intent().sweep, { max_fee: '0.001', per_day: '0.01' }, 'it stays as it is');
  assert.deepEqual(of(' 0.002 ', '0.02'), [{ max_fee: '0.002', per_day: '0.02' }, []]);
  assert.deepEqual(of('', ' '), [undefined, []]);
  assert.deepEqual(of('0.002', '')[1], ['sweep.per_day']);
  assert.deepEqual(of('1,000', '2')[1], ['sweep.max_fee']);
  assert.equal(formAt('change_acc_treasury').placed('sweep.per_day', begun('change_acc_treasury').draft), 'sweep.per_day');
});

// sets are all rule sets of the vectors, as the vault writes them.
const sets = [];
const walk = (v) => {
  if (!v || typeof v !== 'object') return;
  if (Array.isArray(v.rules) && 'version' in v && v.rules.every((r) => r.name !== undefined)) sets.push(v);
  Object.values(v).forEach(walk);
};
for (const name of ['governance', 'rehearsal']) walk(read(`../../shared/spec/vectors/${name}.json`));
for (const { doc, valid } of read('../../shared/spec/vectors/intent.json')) if (valid) walk(JSON.parse(doc));

test('rules that are opened in the editor and not touched are the same to the byte', () => {
  assert.ok(sets.length > 100);
  for (const s of sets) {
    assert.equal(JSON.stringify(rulesOf(toDraft(s))), JSON.stringify({ ...s, version: 0 }));
    assert.deepEqual(mistakes(toDraft(s)), [], JSON.stringify(s));
  }
});

test('a condition that the page does not know stays as it is', () => {
  const set = { version: 0, rules: [{ name: 'r', when: [{ moon: { full: true } }], steps: [{ name: 's', quorum: 1, members: ['mem_bob'] }] }] };
  assert.equal(JSON.stringify(rulesOf(toDraft(set))), JSON.stringify(set));
});

test('rules are written by their blanks, moved, copied and taken away', () => {
  const act = (d, action, value) => actRules(d, action)?.draft ?? edited(d, action, value);
  const one = [['rule:add'], ['set:rules.0.name', 'small'], ['condition:rules.0:velocity'], ['set:rules.0.when.0.max', '5000'], ['set:rules.0.steps.0.quorums.0.group', 'grp_board'], ['flag:rules.0.steps.0.exclude', 'true'],
    ['quorum:rules.0.steps.0'], ['toggle:rules.0.steps.0.quorums.1.members:mem_alice'], ['step:rules.0:delay'], ['rule:deny'], ['up:rules.1']].reduce((d, [a, v]) => act(d, a, v), toDraft({ rules: [] }));
  assert.deepEqual(rulesOf(one).rules, [{ name: 'denied', deny: true }, { name: 'small', when: [{ velocity: { currency: 'EUR', seconds: 86400, max: '5000' } }], steps: [
    { name: 'approval', any: [{ quorum: 2, group: 'grp_board' }, { quorum: 1, members: ['mem_alice'] }], exclude_initiator: true }, { name: 'cooling off', delay: 86400 }] }]);
  const copy = act(one, 'rule:copy:1');
  assert.equal(copy.rules[2].name, 'new rule');
  assert.deepEqual({ ...ruleOf(copy.rules[2]), name: 'small' }, ruleOf(one.rules[1]));
  assert.equal(new Set(copy.rules.map((r) => r.key)).size, 3, 'each is a part of its own on the page');
  assert.equal(act(one, 'remove:rules.0').rules.length, 1);
  assert.equal(actRules(one, 'down:rules.0').said, 'denied is now rule 2 of 2');
  assert.equal(actRules(one, 'up:rules.0').draft, one, 'the first stays where it is');
});

test('what is missing in rules is named where it is missing', () => {
  const fields = (rule) => mistakes({ rules: toDraft({ rules: [rule] }).rules }).map((e) => e.field);
  const step = { name: 's', quorum: 1, members: ['mem_bob'] };
  for (const [rule, want] of [
    [{ name: '', steps: [step] }, ['rules.0.name']],
    [{ name: 'r', steps: [] }, ['rules.0.steps']],
    [{ name: 'r', steps: [{ name: 'd', delay: 60 }] }, ['rules.0.steps.0.delay.n']],
    [{ name: 'r', steps: [step, step] }, ['rules.0.steps.1.name']],
    [{ name: 'r', creation: {}, steps: [step] }, ['rules.0.creation']],
    [{ name: 'r', when: [{ amount: { currency: 'euro€', max: '1,000' } }], deny: true }, ['rules.0.when.0.currency', 'rules.0.when.0.max']],
    [{ name: 'r', when: [{ window: { from: '9:00', to: '24:30' } }], deny: true }, ['rules.0.when.0.from', 'rules.0.when.0.to']],
    [{ name: 'r', when: [{ velocity: { seconds: 1, count: 0 } }], deny: true }, ['rules.0.when.0.count', 'rules.0.when.0.span.n']],
  ]) assert.deepEqual(fields(rule), want, JSON.stringify(rule));
});

test('an amount in a rule that can be read in two ways is asked about, and never read as the smaller', () => {
  const amount = (typed) => { const { rules } = toDraft({ rules: [{ name: 'r', when: [{ amount: { currency: 'EUR', max: '5' } }], deny: true }] }); rules[0].when[0].max = typed; return { rules }; };
  for (const typed of ['1.000', '1,000', '12.500']) {
    const [e, ...more] = mistakes(amount(typed));
    assert.equal(e.field, 'rules.0.when.0.max');
    assert.match(e.message, /It can mean two amounts: write \d+ or [\d.]+$/);
    assert.equal(more.length, 0);
    assert.equal(actRules(amount(typed), 'rule:copy:0').draft.rules[1].when[0].max, typed, 'a copy has what was typed');
    const preset = { ...vault.accounts[0], ...amount(typed), preset: { small: typed, daily: '1', purchase: '1', bought: '1' } };
    assert.deepEqual(actPreset(preset, 'preset:trading').focus, 'preset.small', 'nor is one made of it');
  }
  for (const [typed, max] of [['1 000', '1000'], ['1.000,50', '1000.5'], ['1.0000', '1'], ['0.125', '0.125']]) assert.deepEqual([mistakes(amount(typed)), rulesOf({ ...amount(typed), holidays: '', source: '' }).rules[0].when[0].amount.max], [[], max], typed);
  const stored = { version: 0, rules: [{ name: 'r', when: [{ amount: { currency: 'ethereum', max: '1.125' } }], deny: true }] };
  assert.deepEqual(rulesOf(toDraft(stored)), stored, 'one that the vault has is not asked about');
});

test('a refusal of the vault is shown at the part that it names', () => {
  const draft = toDraft({ rules: [
    { name: 'a', deny: true }, { name: 'a.b steps.c', when: [{ amount: { currency: 'EUR', max: '1' } }, { velocity: { seconds: 60, count: 1 } }], steps: [{ name: 'one.two', quorum: 1, group: 'grp_x' }, { name: 'w', delay: 60 }, { name: 'v', any: [{ quorum: 1, group: 'g' }, { quorum: 1, group: 'h' }] }] }] });
  for (const [field, want] of [
    ['rules.a.when', 'rules.0.name'], ['rules.a.b steps.c.when.0.amount', 'rules.1.when.0.currency'], ['rules.a.b steps.c.when.1.seconds', 'rules.1.when.1.count'], ['rules.a.b steps.c.steps.one.two.quorum', 'rules.1.steps.0.quorums.0.quorum'],
    ['rules.a.b steps.c.steps.one.two.group', 'rules.1.steps.0.quorums.0.group'], ['rules.a.b steps.c.steps.w.delay', 'rules.1.steps.1.delay.n'], ['rules.a.b steps.c.steps.v.any.1.quorum', 'rules.1.steps.2.quorums.1.quorum'],
    ['rules.a.b steps.c.use_within', 'rules.1.use.n'], ['rules.a.b steps.c.steps', 'rules.1.steps'], ['rules.gone.when', 'rules'], ['name', 'name'], [undefined, undefined],
  ]) {
    const at = placed(field, draft);
    assert.equal(at, want, field);
    if (at?.startsWith('rules.') && !at.endsWith('.quorum')) assert.notEqual(get(draft, at), undefined, `there is nothing at ${at}`);
  }
});

test('an address of an eip155 chain has a check in the case of its letters', () => {
  assert.equal(keccak(''), 'c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470');
  for (const a of ['0x52908400098527886E0F7030069857D2E4169EE7', '0x8617E340B3D01FA5F11F306F4090FD50E238070D', '0xde709f2102306220921060314715629080e2fb77', '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed', '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359']) assert.equal(addressProblem(a, 'eip155:1'), undefined, a);
  for (const a of ['', '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAee', '5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed', '0x5aAeb6', 'bc1qxyz', '0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed', '0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED']) assert.ok(addressProblem(a, 'eip155:1'), a);
  assert.equal(addressProblem('bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq', 'bip122:000000000019d6689c085ae165831e93'), undefined);
});

test('a whitelist takes no address twice, and none whose check does not hold', () => {
  const { wrong } = begun('change_wls_suppliers', [['entry'], ['set:entries.2.label', 'Acme again'], ['set:entries.2.address', vault.whitelists[0].entries[0].address.toLowerCase()], ['check:entries.2.address'], ['set:entries.2.chain', 'eip155:31337'], ['set:entries.1.address', '0x6813Eb9362372EEF6200f3b1dbC3f819671cBA6a']]);
  assert.deepEqual(wrong(), ['entries.1.address', 'entries.2.address']);
});

test('ids follow names until somebody writes one, and are free', () => {
  assert.equal(idFrom('grp', 'Night shift', []), 'grp_nightshift');
  assert.equal(idFrom('grp', 'Zoë & Co', ['grp_zoeco']), 'grp_zoeco2');
  assert.equal(idFrom('grp', '北京', []), '');
  const form = formAt('new_group'), { draft } = form.begin('new_group', vault), typed = (d, name) => form.follow({ ...d, name }, d, 'set:name', vault);
  const named = typed(draft, 'Board');
  assert.equal(named.group, 'grp_board2', 'the vault has grp_board');
  assert.equal(typed({ ...named, group: 'grp_mine' }, 'Else').group, 'grp_mine');
  assert.deepEqual(form.check({ ...named, group: 'grp_night', members: [] }, vault).map((e) => e.field), ['group', 'members'], 'an id of what is gone is not free');
});

test('the admin rule keeps at least two administrators, and one to spare', () => {
  const fields = (quorum, sandbox) => formAt('change_admin').check({ quorum }, { ...vault, sandbox }).length;
  assert.deepEqual(['1', '2', '3', 'two'].map((q) => fields(q, false)), [1, 0, 1, 1]);
  assert.deepEqual(['0', '1', '3', '4'].map((q) => fields(q, true)), [1, 0, 0, 1]);
});

test('doors lead from each object to its forms, and no further than its state allows', () => {
  const labels = (on, o) => doorsOf(on, o).map(([label]) => label), member = (id) => vault.members.find((m) => m.id === id);
  assert.deepEqual(labels('member', member('mem_bob')), ['Suspend', 'Replace keys', 'Revoke']);
  assert.deepEqual(labels('member', member('mem_dave')), ['Resume', 'Replace keys', 'Revoke']);
  assert.deepEqual(labels('member', member('mem_erin')), []);
  assert.deepEqual(doorsOf('group', vault.groups[0]), [['Change', '/vault/change_grp_board'], ['Remove', '/vault/remove_grp_board']]);
  const keys = vault.reporting_keys.map((k) => doorsOf('reporting_key', k));
  assert.deepEqual(keys, [[['Revoke', '/vault/revoke_rpk_accounting']], [['Revoke', '/vault/revoke_rpk_audit2025']], []]);
  assert.deepEqual(doorsOf('admin_rule', { id: 'admin' }), [['Change', '/vault/change_admin']]);
  assert.deepEqual(doorsOf('', undefined), [['New account', '/vault/new_account']]);
  for (const [, path] of ['', 'groups', 'whitelists', 'members', 'reporting'].flatMap((on) => doorsOf(on))) assert.ok(formAt(path.slice(7)) && isForm(path.slice(7)), path);
  for (const at of ['', 'members', 'log', 'mem_bob', 'acc_treasury', 'reporting', 'rpk_accounting', 'req_done', 'admin', 'nowhere']) assert.ok(!isForm(at), at);
  assert.equal(formAt('change_xyz_none'), undefined);
});

test('what a change would do is sorted for reading', () => {
  assert.deepEqual(sorted(['17 of 4,210 past requests would have been denied', 'no history was replayed', '1 open request needs 1 more approval', 'and 2 open requests that the report leaves out', 'Bob alone could now move up to 40,000 EUR a day', 'new: rule x never governs', 'no longer: it did']), {
    past: ['17 of 4,210 past requests would have been denied', 'no history was replayed'], open: ['1 open request needs 1 more approval', 'and 2 open requests that the report leaves out'],
    new: ['Bob alone could now move up to 40,000 EUR a day', 'rule x never governs'], gone: ['it did'],
  });
});

test('a request is tried when its amount is written', () => {
  const tried = (more) => trialOf({ account: 'acc_treasury', trial: { ...blankTrial(), ...more } });
  for (const amount of ['', '0', '1.000', '1,000', '-1', '5 00', 'x']) assert.equal(tried({ amount }), undefined, amount);
  for (const amount of ['5000', '5 000', '5000,0']) assert.deepEqual(tried({ amount }), { account: 'acc_treasury', kind: 'buy', asset: 'ethereum', amount: '5000', currency: 'EUR' });
  assert.deepEqual(tried({ amount: '1.5', kind: 'transfer', provider: 'northpay', address: 'half of one' }), { account: 'acc_treasury', kind: 'transfer', asset: 'ethereum', amount: '1.5', currency: 'ethereum' });
  const { form, draft } = begun('change_acc_trading');
  assert.equal(form.placed('try.amount', draft), 'trial.amount');
  assert.ok(!JSON.stringify(form.intent(draft, 1)).includes('trial'), 'it is not part of what is asked for');
});

test('times are read in the largest unit that fits, and written in any', () => {
  for (const [s, want] of [[0, ['', 'hours']], [60, ['1', 'minutes']], [86400, ['24', 'hours']], [172800, ['2', 'days']], [90, ['90', 'seconds']]]) {
    assert.deepEqual(Object.values(spanOf(s)), want);
    assert.equal(secondsOf(spanOf(s)), s);
  }
  assert.ok(Number.isNaN(secondsOf({ n: 'x', unit: 'days' })));
  assert.deepEqual(set({ a: [{ b: 1 }, { b: 2 }] }, 'a.1.b', 3), { a: [{ b: 1 }, { b: 3 }] });
});
