// The forms of the vault in the gallery: each as somebody left it.

import { changePicture } from './changeview.js';
import { edited } from './draft.js';
import { formAt } from './forms.js';

const ANSWER = {
  decision: { state: 'PENDING_APPROVAL', rule: 'administrators', reasons: [] }, remaining: [{ step: 1, name: 'administrators', quorums: [{ needed: 2, members: ['mem_alice', 'mem_bob', 'mem_carol'] }] }],
  impact: { report: 'LwAZxfElgrvDf49Nmg_5o4UudAy1veijBhlOxO_RlqM', log: 4311, more: 2, summary: [
    '17 of 4,210 past requests would have been denied', '1 open request needs 1 more approval', 'Bob Keller alone could now move up to 40,000 EUR a day in purchases of Trading',
    'new: rule Suppliers of Trading never governs: Everyday purchases takes everything that it matches', 'no longer: all who may approve Everything else are its quorum: one lost token breaks it'] },
  trial: {
    decision: { state: 'PENDING_APPROVAL', rule: 'Everything else', expires: '2026-12-01T21:00:00Z', reasons: [] }, remaining: [{ step: 1, name: 'approval', quorums: [{ needed: 3, members: ['mem_alice', 'mem_bob', 'mem_carol'] }] }], windows: [],
    rules: [{ rule: 'Everyday purchases', result: 'UNMET', why: 'with 49750 EUR asked for or approved before, this is more than 50000 EUR in 24h0m0s' }, { rule: 'Suppliers', result: 'UNMET', why: 'it is not for buy' }, { rule: 'Everything else', result: 'GOVERNS' }],
  },
  findings: [{ code: 'dead_rule', severity: 'warning', rule: 'Suppliers', text: 'Everyday purchases takes everything that it matches' }],
};

// form is a form with what was done in it: actions of its controls, and what else is known.
const form = (at, actions = [], more = () => ({})) => ({ vault, invited, reporting_secret: secret }) => {
  const f = formAt(at), context = invited?.find((i) => at.endsWith(i.member)), { draft: fresh, version } = f.begin(at, vault, context);
  const draft = actions.reduce((d, [action, value]) => f.act?.(d, action, value, { vault })?.draft ?? edited(d, action, value), { purpose: '', reference: '', ...fresh });
  const c = { at, form: f, draft, from: version, context, errors: [], dry: {}, ...more(f, draft, vault, secret) };
  return { at, change: () => changePicture(c, { value: vault }, 'en') };
};

const checked = (f, draft, vault) => ({ tried: true, errors: f.check(draft, vault), dry: { incomplete: true } });
const answered = (value = ANSWER) => () => ({ dry: { value }, found: (rule) => value.findings.filter((one) => one.rule === rule) });
const error = (code, message, remedy) => ({ code, message, remedy });
const PLAIN = { ...ANSWER, findings: [], trial: undefined, impact: { ...ANSWER.impact, summary: [], more: 0 } };
const KEY = [['set:name', 'Monthly report'], ['set:reporting_key', 'rpk_monthlyreport'], ['toggle:accounts:acc_trading'], ['set:expires', '2027-11-20']];
const PERMIT = '{"types":{"EIP712Domain":[{"name":"name","type":"string"},{"name":"chainId","type":"uint256"},{"name":"verifyingContract","type":"address"}],"Permit":[{"name":"owner","type":"address"},{"name":"spender","type":"address"},{"name":"value","type":"uint256"},{"name":"nonce","type":"uint256"},{"name":"deadline","type":"uint256"}]},"primaryType":"Permit","domain":{"name":"Sandbox Dollar","chainId":31337,"verifyingContract":"0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"},"message":{"owner":"0x52908400098527886E0F7030069857D2E4169EE7","spender":"0x6813Eb9362372EEF6200f3b1dbC3f819671cBA6a","value":9007199254740993,"nonce":0,"deadline":1798758000}}';
const RULED = { decision: { state: 'PENDING_APPROVAL', rule: 'Messages', reasons: [], expires: '2026-11-27T21:00:00Z' }, rules: [{ rule: 'Suppliers', result: 'UNMET', why: 'it is not for message' }], remaining: [{ step: 1, name: 'approval', quorums: [{ needed: 3, members: ['mem_alice', 'mem_bob', 'mem_carol'] }] }], windows: [] };
const OPENED = [['open:0'], ['condition:rules.0:amount'], ['set:rules.0.when.2.max', '10000'], ['condition:rules.0:window'], ['condition:rules.0:count'], ['step:rules.0:approve'], ['quorum:rules.0.steps.1'], ['step:rules.0:delay']];

export const FORMS = {
  'form-group': form('change_grp_board', [['set:purpose', 'Dave left']], answered()), 'form-group-new': form('new_group'),
  'form-group-removed': form('remove_grp_board', [], () => ({ dry: { error: error('INVALID_REQUEST', 'the rule "To trading only" of the account Treasury names the group') } })),
  'form-whitelist': form('change_wls_suppliers', [['entry'], ['set:entries.2.address', '0x6813Eb9362372EEF6200f3b1dbC3f819671cBA6a']], checked),
  'form-admin': form('change_admin', [['set:quorum', '7']], checked),
  'form-account': form('new_account', [['set:name', 'Night desk'], ['set:account', 'acc_nightdesk'], ['preset:trading']], () => ({ dry: { busy: true, seconds: 3 } })),
  'form-rules': form('change_acc_trading', [['set:trial.amount', '5000']], answered()), 'form-rules-open': form('change_acc_trading', OPENED, () => ({ ...answered()(), restored: true, behind: 4 })),
  'form-rules-wrong': form('change_acc_trading', [['rule:add'], ['condition:rules.3:amount'], ['condition:rules.3:recipient'], ['condition:rules.3:whitelist'], ['step:rules.3:reviewer'], ['set:rules.3.name', '']], checked),
  'form-refused': form('suspend_mem_bob', [], () => ({ tried: true, failed: error('GATEWAY_UNREACHABLE', 'The gateway does not answer', 'Check the connection and try again.') })),
  'form-gone': ({ vault }) => ({ at: 'resume_mem_bob', change: () => changePicture({ form: formAt('resume_mem_bob'), gone: 'Bob Keller is active already' }, { value: vault }) }),
  'form-invite': form('new_member'), 'form-replace': form('replace_mem_bob'), 'form-join': form('join_mem_frank', [], answered(PLAIN)),
  'form-invited': form('new_member', [['set:name', 'Frank Abara']], () => ({ made: { member: 'mem_frank', name: 'Frank Abara', url: 'https://gateway.example.com/v1/join/4Kf0rN1lN1cWm0a2cCkUuXlV3x7s9w2Q', expires_at: '2026-11-27T21:00:00Z' } })),
  'form-sweep': form('change_acc_treasury', [['set:sweep.max_fee', '1,5']], checked),
  'form-reporting': form('new_reporting_key', KEY, () => ({ dry: { incomplete: true, until: 'once the secret is made' } })),
  'form-reporting-wrong': form('new_reporting_key', [['set:name', 'Accounting'], ['set:reporting_key', 'rpk_accounting'], ['set:expires', '2026-11-19']], checked),
  'form-reporting-made': form('new_reporting_key', KEY, (f, draft, vault, context) => ({ context, dry: { value: PLAIN } })),
  'form-reporting-asked': form('new_reporting_key', KEY, (f, draft, vault, context) => ({ context, made: { id: 'req_dddddddddddddddddddddddddd' } })),
  'form-reporting-revoke': form('revoke_rpk_accounting', [], answered(PLAIN)),
  'form-message': form('sign_acc_treasury', [['set:typed', PERMIT], ['set:purpose', 'Swap of November']], () => ({ dry: { value: RULED } })),
  'form-message-text': form('sign_acc_treasury', [['set:form', 'text'], ['set:text', 'app.example.com wants you to sign in\n\nNonce: 4711']], () => ({ dry: { value: { ...RULED, decision: { state: 'DENIED', rule: '', reasons: ['no rule allows this'] }, rules: [{ rule: 'Suppliers', result: 'UNMET', why: 'it is not for message' }] } } })),
  'form-message-wrong': form('sign_acc_treasury', [['set:typed', `${PERMIT.slice(0, -2)},"nonce":1}}`]], checked),
  'form-asked': form('suspend_mem_bob', [], () => ({ made: { id: 'req_dddddddddddddddddddddddddd', sentence: 'Suspend member Bob Keller' } })),
};
