// The sentences of a rule with blanks to fill in: one for each condition and each step.
// Pictures for the painter. at is the path of the part in the draft, c or s what stands there.

import { add, during, flag, pick, small, some, word, wrong } from './controls.js';
import { el, list, text } from './nodes.js';
import { KINDS } from './ruletext.js';

const DAYS = [['mon', 'Mon'], ['tue', 'Tue'], ['wed', 'Wed'], ['thu', 'Thu'], ['fri', 'Fri'], ['sat', 'Sat'], ['sun', 'Sun']];

// line is a sentence: words and blanks, what it is called for those who take it away, and its errors.
function line(f, at, name, parts, rest, errors) {
  return el('li', 'clause', { key: at.key }, text('div', 'clause-line', text('div', 'phrase', parts), small(`remove:${at.path}`, 'cross', `Remove: ${name}`)), rest, wrong(f, ...errors.map((e) => `${at.path}.${e}`)));
}

const unit = (f, path, name) => word(f, path, name, { size: 10, list: 'f-units' });

/** CONDITIONS are the sentences of conditions, and what adding one is called. */
export const CONDITIONS = {
  filter: { label: 'Kinds and assets', show: (f, at) => line(f, at, 'kinds and assets', ['It is one of these, in an asset of ', word(f, `${at.path}.assets`, 'Assets, with commas between them; empty for any', { size: 18, placeholder: 'any asset', list: 'f-units' })],
    some(f, `${at.path}.kinds`, 'Kinds', Object.entries(KINDS).map(([k, said]) => [k, said]), { hidden: true }), []) },
  amount: { label: 'Amount', show: (f, at) => line(f, at, 'amount', ['It is of at least ', word(f, `${at.path}.min`, 'At least', { inputmode: 'decimal', placeholder: 'any' }), ' and at most ', word(f, `${at.path}.max`, 'At most', { inputmode: 'decimal', placeholder: 'any' }), ' ', unit(f, `${at.path}.currency`, 'Currency or asset')], undefined, ['min', 'max', 'currency']) },
  whitelist: { label: 'Whitelist or providers', show: (f, at) => line(f, at, 'whitelist or providers', ['It goes to an address in ', pick(f, `${at.path}.whitelist`, 'Whitelist', [['', 'any whitelist or none'], ...f.vault.whitelists.filter((w) => !w.gone).map((w) => [w.id, w.name])]), ' and comes from the providers ', word(f, `${at.path}.providers`, 'Providers, with commas between them; empty for any', { size: 16, placeholder: 'any provider' })], undefined, ['whitelist', 'providers']) },
  recipient: { label: 'Accounts of the vault', show: (f, at) => line(f, at, 'accounts of the vault', ['It goes to an account of this vault:'],
    text('div', 'checks', flag(f, `${at.path}.children`, 'those that this account funds'), some(f, `${at.path}.accounts`, 'Accounts', f.vault.accounts.map((a) => [a.id, a.name]), { hidden: true })), []) },
  window: { label: 'Time', show: (f, at) => line(f, at, 'time', ['It is asked for from ', word(f, `${at.path}.from`, 'From', { size: 5 }), ' to ', word(f, `${at.path}.to`, 'To', { size: 5 }), ' in the zone ', word(f, `${at.path}.zone`, 'Time zone, such as Europe/Paris; empty for UTC', { size: 14, placeholder: 'UTC' })],
    text('div', 'checks', flag(f, `${at.path}.business`, 'on business days only'), some(f, `${at.path}.days`, 'Days; none is every day', DAYS, { hidden: true })), ['from', 'to', 'zone']) },
  velocity: { label: 'Spending in a time', show: (f, at) => line(f, at, 'spending in a time', ['With it the account spends at most ', word(f, `${at.path}.max`, 'At most', { inputmode: 'decimal' }), ' ', unit(f, `${at.path}.currency`, 'Currency or asset'), ' in ', during(f, `${at.path}.span`, 'In')], undefined, ['max', 'currency', 'span.n']) },
  count: { label: 'Requests in a time', show: (f, at) => line(f, at, 'requests in a time', ['With it the account has at most ', word(f, `${at.path}.count`, 'At most', { size: 4, inputmode: 'numeric' }), ' requests in ', during(f, `${at.path}.span`, 'In')], undefined, ['count', 'span.n']) },
  other: { show: (f, at, c) => line(f, at, 'a condition that this page does not know', [el('code', '', {}, JSON.stringify(c.is))], undefined, []) },
};

const people = (f, named) => f.vault.members.filter((m) => (m.state === 'ACTIVE' && m.role !== 'AUDITOR') || named.includes(m.id));
const groups = (f, none) => [['', none], ...f.vault.groups.filter((g) => !g.gone).map((g) => [g.id, `the group ${g.name}`])];
const named = (f, ids) => list(ids.map((id) => f.vault.members.find((m) => m.id === id)?.name ?? id));

// members lets one name members one by one; folded, because a group is the usual way.
function members(f, path, ids) {
  return el('details', 'clause-more', { key: 'members' }, el('summary', '', {}, ids.length > 0 ? `Members by name: ${named(f, ids)}` : 'Members by name: none'),
    some(f, `${path}`, 'Members by name', people(f, ids).map((m) => [m.id, m.name]), { hidden: true }));
}

// quorum is "2 of the group Board".
function quorum(f, path, q, first, alone) {
  return el('div', 'stack is-tight', { key: q.key },
    text('div', 'clause-line', text('div', 'phrase', `${first} `, word(f, `${path}.quorum`, 'How many', { size: 2, inputmode: 'numeric' }), ' of ', pick(f, `${path}.group`, 'Of which group', groups(f, 'members by name'))), !alone && small(`remove:${path}`, 'cross', 'Remove this alternative')),
    members(f, `${path}.members`, q.members), wrong(f, `${path}.quorum`, `${path}.group`));
}

const MOST = 4; // alternatives

function approvals(f, path, s, first) {
  return text('div', 'stack is-tight', s.quorums.map((q, j) => quorum(f, `${path}.quorums.${j}`, q, j === 0 ? first : 'or', s.quorums.length === 1 && s.type === 'approve')),
    text('div', 'cluster', s.quorums.length < MOST && add(`quorum:${path}`, s.quorums.length === 0 ? 'Leave it to members' : 'Or others'), s.quorums.length > 0 && flag(f, `${path}.exclude`, 'but not who asked')));
}

const STEPS = {
  approve: (f, path, s) => approvals(f, path, s, 'Approved by'),
  delay: (f, path) => text('div', 'stack is-tight', text('div', 'phrase', during(f, `${path}.delay`, 'Delay', ['days', 'hours', 'minutes']), ' pass, in which whoever may approve a step can stop it'), wrong(f, `${path}.delay.n`)),
  reviewer: (f, path, s) => text('div', 'stack is-tight', text('div', 'phrase', 'The program ', pick(f, `${path}.reviewer`, 'Program', [['', 'choose one'], ...f.vault.members.filter((m) => m.is === 'PROGRAM' || m.id === s.reviewer).map((m) => [m.id, m.name])]), ' approves', s.quorums.length > 0 && ', or leaves it to members:'), wrong(f, `${path}.reviewer`), approvals(f, path, s, 'approved by')),
};

/** STEP_KINDS are what adding a step is called. */
export const STEP_KINDS = { approve: 'Approvals', delay: 'Delay', reviewer: 'Program' };

/** step is a step of a rule, with its name and its place. */
export function step(f, path, s, i, of) {
  return el('li', 'clause is-step', { key: s.key },
    text('div', 'clause-line', text('div', 'phrase', text('span', 'strong', `Step ${i + 1}, `), word(f, `${path}.name`, 'Name of the step', { size: 14 })),
      text('div', 'clause-tools', of > 1 && [small(`up:${path}`, 'up', `Move the step ${s.name} up`, { 'aria-disabled': i === 0 && 'true' }), small(`down:${path}`, 'down', `Move the step ${s.name} down`, { 'aria-disabled': i === of - 1 && 'true' })], small(`remove:${path}`, 'cross', `Remove the step ${s.name}`))),
    wrong(f, `${path}.name`), STEPS[s.type](f, path, s));
}

/** asking says who may ask: anybody, or members who sign it. */
export function asking(f, path, r) {
  return el('li', 'clause', { key: 'asks' },
    text('div', 'phrase', 'Asked for by ', pick(f, `${path}.asks`, 'Who may ask', [['', 'anybody with access'], ['some', 'a member, who signs it first']]), r.asks && [' of ', pick(f, `${path}.creation.group`, 'Group who may ask', groups(f, 'members by name'))]),
    r.asks && members(f, `${path}.creation.members`, r.creation.members), wrong(f, `${path}.creation`));
}

/** lasting says for how long a request, an approval and a rate are good. */
export function lasting(f, path, r) {
  return el('details', 'clause-more', { key: 'lasting' }, el('summary', '', {}, 'How long it stays open, and an approval is good'), text('div', 'stack is-tight',
    text('div', 'phrase', 'A request is open for ', during(f, `${path}.within`, 'Open for'), '; 7 days when empty'), wrong(f, `${path}.within.n`),
    !r.deny && [text('div', 'phrase', 'An approval can be used for ', during(f, `${path}.use`, 'Usable for'), '; 24 hours when empty'), wrong(f, `${path}.use.n`)],
    text('div', 'phrase', 'In a currency, assets count by a rate of the last ', during(f, `${path}.rate`, 'Rate of the last'), '; when empty they do not count'), wrong(f, `${path}.rate.n`)));
}

