// Rules as they are edited: texts and choices, one for each blank of a sentence. toDraft makes
// them of the rules of the vault (shared/spec/governance.md), rulesOf makes rules of them, in canonical
// form: fields in their order, what is empty left out. Pure.

import { kept, secondsOf, spanOf, whole } from './draft.js';
import { certain, figure, typedAmount } from './numbers.js';
import { quorumsOf } from './ruletext.js';

let made = Date.now(); // keys of what was kept before a reload are smaller
const keyed = (o) => ({ key: ++made, ...o });
const words = (typed) => typed.split(/[\s,]+/).filter(Boolean);

// CONDITIONS: each as it is edited, and back. blank is one that a person adds.
const CONDITIONS = {
  filter: {
    blank: { kinds: ['transfer'], assets: '' },
    edit: ({ filter: { kinds = [], assets = [] } }) => ({ kinds, assets: assets.join(', ') }),
    rule: ({ kinds, assets }) => ({ filter: kept({ kinds, assets: words(assets) }) }),
  },
  amount: {
    blank: { min: '', max: '', currency: 'EUR' },
    edit: ({ amount: { currency, min = '', max = '' } }) => ({ currency, min: certain(min), max: certain(max) }),
    rule: ({ currency, min, max }) => ({ amount: kept({ currency: currency.trim(), min: figure(min), max: figure(max) }) }),
  },
  whitelist: {
    blank: { whitelist: '', providers: '' },
    edit: ({ whitelist: { whitelist = '', providers = [] } }) => ({ whitelist, providers: providers.join(', ') }),
    rule: ({ whitelist, providers }) => ({ whitelist: kept({ whitelist, providers: words(providers) }) }),
  },
  recipient: {
    blank: { children: true, accounts: [] },
    edit: ({ recipient: { children = false, accounts = [] } }) => ({ children, accounts }),
    rule: ({ children, accounts }) => ({ recipient: kept({ children, accounts }) }),
  },
  window: {
    blank: { days: [], from: '08:00', to: '18:00', zone: '', business: true },
    edit: ({ window: { days = [], from, to, zone = '', business = false } }) => ({ days, from, to, zone, business }),
    rule: ({ days, from, to, zone, business }) => ({ window: { ...kept({ days }), from, to, ...kept({ zone: zone.trim(), business }) } }),
  },
  velocity: {
    blank: { max: '', currency: 'EUR', span: { n: '24', unit: 'hours' } },
    edit: ({ velocity: { currency, seconds, max } }) => ({ currency, max: certain(max), span: spanOf(seconds) }),
    rule: ({ currency, max, span }) => ({ velocity: { currency: currency.trim(), seconds: secondsOf(span), max: figure(max) } }),
  },
  count: {
    blank: { count: '', span: { n: '24', unit: 'hours' } },
    edit: ({ velocity: { seconds, count } }) => ({ count: String(count), span: spanOf(seconds) }),
    rule: ({ count, span }) => ({ velocity: { seconds: secondsOf(span), count: whole(count) } }),
  },
};

const typeOf = (c) => (c.velocity && !c.velocity.max ? 'count' : Object.keys(c)[0]);

const toCondition = (c) => { const type = typeOf(c); return keyed(CONDITIONS[type] ? { type, ...CONDITIONS[type].edit(c) } : { type: 'other', is: c }); };
const conditionOf = (c) => CONDITIONS[c.type]?.rule(c) ?? c.is;

/** blankCondition is one that a person adds. */
export const blankCondition = (type) => keyed({ type, ...structuredClone(CONDITIONS[type].blank) });

const toQuorum = ({ quorum = 1, members = [], group = '' }) => keyed({ quorum: String(quorum), members, group });
const quorumOf = ({ quorum, members, group }) => ({ quorum: whole(quorum), ...kept({ members, group }) });

function toStep(s) {
  const type = s.delay ? 'delay' : s.reviewer ? 'reviewer' : 'approve';
  return keyed({ type, name: s.name, delay: spanOf(s.delay), reviewer: s.reviewer ?? '', quorums: quorumsOf(s).map(toQuorum), exclude: s.exclude_initiator ?? false });
}

function stepOf({ type, name, delay, reviewer, quorums, exclude }) {
  if (type === 'delay') return { name, delay: secondsOf(delay) };
  const all = quorums.map(quorumOf), who = all.length > 1 ? { any: all } : all[0] ?? {};
  return { name, ...who, ...kept({ exclude_initiator: exclude, reviewer: type === 'reviewer' && reviewer }) };
}

/** blankStep is one that a person adds. */
export function blankStep(type, taken) {
  const base = { approve: 'approval', delay: 'cooling off', reviewer: 'screening' }[type];
  let name = base;
  for (let n = 2; taken.includes(name); n++) name = `${base} ${n}`;
  return keyed({ type, name, delay: { n: '24', unit: 'hours' }, reviewer: '', quorums: type === 'approve' ? [toQuorum({ quorum: 2 })] : [], exclude: false });
}

export const blankQuorum = () => toQuorum({});

function toRule(r) {
  return keyed({
    name: r.name, deny: r.deny ? 'yes' : '', when: (r.when ?? []).map(toCondition), steps: (r.steps ?? []).map(toStep),
    asks: r.creation ? 'some' : '', creation: { members: r.creation?.members ?? [], group: r.creation?.group ?? '' },
    within: spanOf(r.within), use: spanOf(r.use_within), rate: spanOf(r.rate_within),
  });
}

/** ruleOf is a rule of what was edited. */
export function ruleOf(r) {
  const when = r.when.map(conditionOf);
  if (r.deny) return { name: r.name, ...kept({ when }), deny: true, ...kept({ within: secondsOf(r.within), rate_within: secondsOf(r.rate) }) };
  return { name: r.name, ...kept({ when, creation: r.asks && kept(r.creation), steps: r.steps.map(stepOf), within: secondsOf(r.within), use_within: secondsOf(r.use), rate_within: secondsOf(r.rate) }) };
}

/** toDraft are the rules of a set as they are edited. */
export const toDraft = ({ rules, holidays = [], rate_source: source = '' }) => ({ rules: rules.map(toRule), holidays: holidays.join(', '), source });

/** rulesOf is the set of what was edited, as a draft of an intent has it: the version is the vault's to fill. */
export const rulesOf = ({ rules, holidays, source }) => ({ version: 0, rules: rules.map(ruleOf), ...kept({ holidays: words(holidays).sort(), rate_source: source }) });

/** blankRule is one that a person adds. */
export function blankRule(taken, deny) {
  const base = deny ? 'denied' : 'new rule';
  let name = base;
  for (let n = 2; taken.includes(name); n++) name = `${base} ${n}`;
  return { ...toRule({ name, deny, when: [], steps: [] }), open: true, steps: deny ? [] : [blankStep('approve', [])] };
}

/** copied is a rule again, under another name. */
export const copied = (rule, taken) => ({ ...again(rule), name: blankRule(taken, rule.deny).name, open: true });

// again is a part of a draft with what was typed, and keys of its own.
const again = (part, name) => (Array.isArray(part) ? part.map((p) => again(p)) : name === 'is' || typeof part !== 'object' || part === null ? part : { ...Object.fromEntries(Object.entries(part).map(([n, v]) => [n, again(v, n)])), ...('key' in part && { key: ++made }) });

/** mistakes are what the page finds in rules before it asks the vault, which knows more: [{ field, message }]. */
export function mistakes({ rules }, at = 'rules') {
  const all = [], say = (field, message) => all.push({ field: `${at}.${field}`, message });
  const names = rules.map((r) => r.name.trim());
  if (rules.length === 0) all.push({ field: at, message: 'An account needs at least one rule: what no rule fits is denied' });
  rules.forEach((r, i) => {
    if (r.name.trim() === '') say(`${i}.name`, 'Give the rule a name');
    else if (names.indexOf(r.name.trim()) !== i) say(`${i}.name`, 'Another rule has this name');
    r.when.forEach((c, j) => conditionMistakes(c, (field, message) => say(`${i}.when.${j}.${field}`, message)));
    for (const span of ['within', 'use', 'rate']) if (Number.isNaN(secondsOf(r[span]))) say(`${i}.${span}.n`, 'Write a whole number, or nothing');
    if (r.deny) return;
    if (r.asks && !r.creation.group && r.creation.members.length === 0) say(`${i}.creation`, 'Name a group or members who may ask');
    if (r.steps.length === 0) say(`${i}.steps`, 'Add a step, or let the rule deny');
    r.steps.forEach((s, j) => stepMistakes(s, j, r.steps, (field, message) => say(`${i}.steps.${j}.${field}`, message)));
  });
  return all;
}

const TIME = /^([01]\d|2[0-3]):[0-5]\d$|^24:00$/;

function conditionMistakes(c, say) {
  const decimal = (field, needed) => { const { wrong } = typedAmount(c[field]); if (wrong && (needed || c[field].trim())) say(field, wrong); };
  if ('currency' in c && !/^([A-Z]{3}|[a-z0-9_.\-/]{1,64})$/.test(c.currency.trim())) say('currency', 'Write a currency such as EUR, or the id of an asset such as ethereum');
  switch (c.type) {
    case 'amount': decimal('min'); decimal('max', !c.min); break;
    case 'velocity': decimal('max', true); break;
    case 'count': if (!(whole(c.count) >= 1)) say('count', 'Write how many, from 1'); break;
    case 'whitelist': if (!c.whitelist && words(c.providers).length === 0) say('whitelist', 'Choose a whitelist, or name providers'); break;
    case 'recipient': if (!c.children && c.accounts.length === 0) say('accounts', 'Choose at least one account'); break;
    case 'filter': if (c.kinds.length === 0 && words(c.assets).length === 0) say('kinds', 'Choose a kind, or name assets'); break;
    case 'window': for (const f of ['from', 'to']) if (!TIME.test(c[f])) say(f, 'Write a time from 00:00 to 24:00'); break;
    default:
  }
  if (c.span && !(secondsOf(c.span) >= 60)) say('span.n', 'Write at least a minute');
}

function stepMistakes(s, i, all, say) {
  if (s.name.trim() === '') say('name', 'Give the step a name');
  else if (all.findIndex((o) => o.name.trim() === s.name.trim()) !== i) say('name', 'Another step of the rule has this name');
  if (s.type === 'delay') {
    if (!(secondsOf(s.delay) >= 60)) say('delay.n', 'Write at least a minute');
    if (i === 0) say('delay.n', 'A rule cannot begin with a delay: put it below an approval');
  }
  if (s.type === 'reviewer' && !s.reviewer) say('reviewer', 'Choose a program');
  s.quorums.forEach((q, j) => {
    if (!(whole(q.quorum) >= 1)) say(`quorums.${j}.quorum`, 'Write how many, from 1');
    if (!q.group && q.members.length === 0) say(`quorums.${j}.group`, 'Choose a group, or members');
  });
}

/** placed is where in the draft the vault finds fault: it names rules and steps by their names ("rules.small.steps.officers.quorum"). */
export function placed(field, { rules }, at = 'rules') {
  if (!field?.startsWith(`${at}.`)) return field;
  const named = (rest, all) => { // of names that begin alike it is the longest
    const [found] = all.map((o, i) => ({ i, name: o.name })).filter(({ name }) => rest === name || rest.startsWith(`${name}.`)).sort((a, b) => b.name.length - a.name.length);
    return found && [found.i, rest.slice(found.name.length + 1)];
  };
  const rule = named(field.slice(at.length + 1), rules);
  if (!rule) return at;
  const [i, inRule] = rule, path = `${at}.${i}`;
  if (inRule.startsWith('when.')) return inWhen(inRule, rules[i], path);
  if (inRule.startsWith('steps.')) {
    const step = named(inRule.slice(6), rules[i].steps);
    if (!step) return `${path}.steps`;
    const [j, inStep] = step, { type, quorums } = rules[i].steps[j], where = `${path}.steps.${j}`;
    if (type === 'delay') return `${where}.delay.n`;
    const any = /^any\.(\d)\.?(.*)$/.exec(inStep);
    if (any) return `${where}.quorums.${any[1]}.${any[2] || 'quorum'}`;
    return ['quorum', 'members', 'group'].includes(inStep) && quorums.length > 0 ? `${where}.quorums.0.${inStep === 'quorum' ? 'quorum' : 'group'}` : inStep === 'reviewer' ? `${where}.reviewer` : `${where}.name`;
  }
  return { name: `${path}.name`, within: `${path}.within.n`, use_within: `${path}.use.n`, rate_within: `${path}.rate.n`, steps: `${path}.steps` }[inRule] ?? (inRule.startsWith('creation') ? `${path}.creation` : `${path}.name`);
}

const FIRST = { filter: 'kinds', amount: 'currency', whitelist: 'whitelist', recipient: 'accounts', window: 'from', velocity: 'max', count: 'count' };

function inWhen(inRule, rule, path) {
  const [, j, , field] = inRule.split('.'), c = rule.when[Number(j)];
  if (!c) return `${path}.name`;
  return `${path}.when.${j}.${field in c ? field : field === 'seconds' ? 'span.n' : FIRST[c.type] ?? 'type'}`;
}
