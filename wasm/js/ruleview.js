// The rule editor: the rules of an account as sentences, each of which opens to be filled in.
// rulesPicture is a picture for the painter, actRules what its own actions do to a draft.

import { add, choice, field, idOf, small } from './controls.js';
import { get, moved, set } from './draft.js';
import { badge, el, icon, text, upper } from './nodes.js';
import { asking, CONDITIONS, lasting, step, STEP_KINDS } from './ruleparts.js';
import { blankCondition, blankQuorum, blankRule, blankStep, copied, ruleOf } from './ruleset.js';
import { calledIn, say } from './ruletext.js';

const MOST = 32; // rules

/** rulesPicture: f is { draft, errors, vault, lang, found }; found are findings of the dry run by rule. */
export function rulesPicture(f) {
  const { rules } = f.draft, wrongs = f.errors.find((e) => e.field === 'rules');
  return el('section', 'stack', { 'aria-label': 'Rules', id: idOf('rules'), tabindex: '-1', key: 'rules' },
    text('div', 'stack is-tight', text('h2', 'card-title', 'Rules'), el('p', 'small muted', {}, 'Asked from the top, those that deny first: the first that fits decides. What none fits is denied. Alt and an arrow move a rule.')),
    wrongs && el('p', 'field-error', {}, icon('alert'), el('span', '', {}, wrongs.message)),
    el('datalist', '', { id: 'f-units', key: 'units' }, units(f.vault).map(([value, label]) => el('option', '', { value, key: value }, label))),
    el('ol', 'rules', { key: 'list' }, rules.map((r, i) => rule(f, r, i))),
    text('div', 'cluster', rules.length < MOST && [add('rule:add', 'Add a rule'), add('rule:deny', 'Add a rule that denies')]),
    el('details', '', { key: 'holidays' }, text('summary', '', 'Holidays'), field(f, 'holidays', 'Days that are not business days', { hint: 'Dates such as 2026-12-25, with commas between them. Rules with business days look at them.' })),
    el('details', '', { key: 'source' }, text('summary', '', 'Rates'), choice(f, 'source', 'Who says what assets are worth', [['', 'Nobody'], ...f.vault.members.filter((m) => m.state === 'ACTIVE' || m.id === f.draft.source).map((m) => [m.id, m.name])], { hint: 'A member, a program with a token of its own, who signs rates. They may not start, review or approve anything under these rules. Rules with amounts in a currency look at them for what sends an asset.' })));
}

// units are what amounts are in: currencies, and the assets of the vault's chains.
function units({ chains }) {
  const assets = chains.flatMap((c) => c.assets ?? []), all = new Map(['EUR', 'USD', 'GBP', 'CHF'].map((c) => [c, c]));
  for (const a of assets) all.set(a.id, `${a.name} (${a.ticker})`);
  return [...all];
}

function rule(f, r, i) {
  const path = `rules.${i}`, faults = f.errors.filter((e) => e.field.startsWith(`${path}.`)), open = r.open || faults.length > 0, { length } = f.draft.rules;
  const said = say(ruleOf(r), calledIn(f.vault), f.lang), called = r.name.trim() || 'without a name', found = f.found?.(r.name) ?? [];
  return el('li', 'rule', { key: r.key, 'data-rule': String(i) },
    text('div', 'rule-head',
      el('button', 'rule-title', { type: 'button', id: idOf(path), 'aria-expanded': open ? 'true' : 'false', on: { click: `open:${i}` } }, text('span', 'strong', `${i + 1}. ${called}`), icon(open ? 'up' : 'down')),
      text('div', 'rule-tools', small(`up:${path}`, 'up', `Move ${called} up`, { 'aria-disabled': i === 0 && 'true' }), small(`down:${path}`, 'down', `Move ${called} down`, { 'aria-disabled': i === length - 1 && 'true' }),
        length < MOST && small(`rule:copy:${i}`, 'copy', `Copy ${called}`), small(`remove:${path}`, 'cross', `Remove ${called}`))),
    text('div', 'rule-said', text('p', '', upper(said.for), r.deny ? [': ', text('strong', '', 'denied'), '.'] : '.'), said.needs.length > 0 && el('ol', 'needs', {}, said.needs.map((n, k) => el('li', '', { key: k }, said.needs.length > 1 && text('span', 'muted', `${k + 1}. `), upper(n), '.'))), said.lasts && text('p', 'small muted', said.lasts)),
    found.length > 0 && text('ul', 'stack is-tight', found.map((one, k) => el('li', 'small', { key: k }, badge(one.severity === 'note' ? '' : one.severity === 'alert' ? 'is-negative' : 'is-warning', 'alert', WORDS[one.code] ?? 'Found'), ` ${one.text}`))),
    open && body(f, r, path));
}

const WORDS = { dead_rule: 'Never governs', unreachable_step: 'Never reached', contradiction: 'Fits nothing', idle_deny: 'Denies nothing', unapprovable: 'Nobody can approve', each_needed: 'One lost token breaks it', moves_itself: 'Nobody approves', moves_alone: 'One alone' };

function body(f, r, path) {
  const adds = (action, called, all) => text('div', 'cluster', text('span', 'small muted', called), all.map(([name, label]) => add(`${action}:${path}:${name}`, label)));
  return el('div', 'rule-body', { key: 'body' },
    field(f, `${path}.name`, 'Name of the rule', { maxlength: '64' }),
    text('div', 'stack is-tight', el('p', 'eyebrow', {}, 'When all of this holds'), r.when.length === 0 && text('p', 'muted', r.deny ? 'It is any request.' : 'It is a purchase: a rule for others names their kinds.'),
      el('ul', 'clauses', { id: idOf(`${path}.when`) }, r.when.map((c, j) => CONDITIONS[c.type].show(f, { path: `${path}.when.${j}`, key: c.key }, c))),
      adds('condition', 'Add a condition:', Object.entries(CONDITIONS).filter(([, c]) => c.label).map(([name, c]) => [name, c.label]))),
    el('div', 'stack is-tight', {}, el('p', 'eyebrow', {}, 'Then'),
      el('fieldset', 'segmented', {}, el('legend', 'visually-hidden', {}, 'What the rule does'), [['', 'it takes approvals'], ['yes', 'it is denied']].map(([value, label]) => el('label', 'segment', { key: value }, el('input', '', { type: 'radio', name: `deny-${r.key}`, value, on: { change: `set:${path}.deny` }, prop: { checked: r.deny === value } }), text('span', '', label)))),
      !r.deny && [el('ol', 'clauses', { id: idOf(`${path}.steps`), tabindex: '-1' }, asking(f, path, r), r.steps.map((s, j) => step(f, `${path}.steps.${j}`, s, j, r.steps.length))), said(f, `${path}.steps`), adds('step', 'Add a step:', Object.entries(STEP_KINDS))]),
    lasting(f, `${path}`, r));
}

const said = (f, path) => { const wrong = f.errors.find((e) => e.field === path); return wrong && el('p', 'field-error', {}, icon('alert'), el('span', '', {}, wrong.message)); };

/** actRules is what an action does to a draft with rules: { draft, focus, said }; undefined for another action. focus is a
 *  path, and said what those hear who do not see it move. */
export function actRules(draft, action) {
  const [name, path = '', kind] = action.split(':'), { rules } = draft, names = rules.map((r) => r.name);
  const more = (list, one, focus) => ({ draft: set(draft, list, [...get(draft, list), one]), focus });
  switch (name) {
    case 'open': return { draft: set(draft, `rules.${path}.open`, !rules[path].open) };
    case 'condition': return more(`${path}.when`, blankCondition(kind), `${path}.when.${get(draft, path).when.length}`);
    case 'step': return more(`${path}.steps`, blankStep(kind, get(draft, path).steps.map((s) => s.name)), `${path}.steps.${get(draft, path).steps.length}.name`);
    case 'quorum': return more(`${path}.quorums`, blankQuorum(), `${path}.quorums.${get(draft, path).quorums.length}.quorum`);
    case 'rule': return path === 'copy' ? more('rules', copied(rules[kind], names), `rules.${rules.length}.name`) : more('rules', blankRule(names, path === 'deny'), `rules.${rules.length}.name`);
    case 'up': case 'down': return /^rules\.\d+$/.test(path) ? shifted(draft, Number(path.slice(6)), name === 'up' ? -1 : 1) : undefined;
    default: return undefined;
  }
}

/** shifted moves a rule among the others. */
export function shifted(draft, i, by) {
  const rules = moved(draft.rules, i, by);
  return rules === draft.rules ? { draft } : { draft: { ...draft, rules }, said: `${draft.rules[i].name} is now rule ${i + by + 1} of ${rules.length}` };
}

