// Rules to begin with: the layered wallets, a treasury that may only pay the accounts that it funds, and an
// account below it with the everyday rules (shared/preset/layered.go, which a test compares). Once used they are rules
// like any other.

import { choice, field } from './controls.js';
import { secondsOf, whole } from './draft.js';
import { el, icon, text } from './nodes.js';
import { figure, typedAmount } from './numbers.js';
import { toDraft } from './ruleset.js';

/** blankPreset is what the presets ask for, as they are first shown. */
export const blankPreset = ({ groups, whitelists }) => ({
  officers: groups.find((g) => !g.gone)?.id ?? '', operators: groups.find((g) => !g.gone)?.id ?? '', whitelist: whitelists.find((w) => !w.gone)?.id ?? '',
  quorum: '2', delay: { n: '1', unit: 'hours' }, asset: 'ethereum', small: '1', daily: '5', currency: 'EUR', purchase: '1000', bought: '5000',
});

const officers = (p) => [{ name: 'officers', quorum: whole(p.quorum), group: p.officers }];
const when = (kind, ...more) => [{ filter: { kinds: [kind] } }, ...more];
const most = (currency, max) => ({ amount: { currency, max: figure(max) } });
const daily = (currency, max) => ({ velocity: { currency, seconds: 86400, max: figure(max) } });

/** treasuryRules let an account fund those below it, and nothing else. */
export function treasuryRules(p) {
  const delay = secondsOf(p.delay);
  return { rules: [{ name: 'fund', when: when('transfer', { recipient: { children: true } }), steps: [...officers(p), ...(delay ? [{ name: 'cooling off', delay }] : [])] }] };
}

/** tradingRules are the everyday rules of an account that treasury funds. */
export function tradingRules(p, treasury) {
  const listed = { whitelist: { whitelist: p.whitelist } }, others = [{ name: 'operators', quorum: 1, group: p.operators, exclude_initiator: true }], creation = { group: p.operators };
  return { rules: [
    { name: 'small transfers', when: when('transfer', listed, most(p.asset, p.small), daily(p.asset, p.daily)), creation, steps: others },
    ...(treasury ? [{ name: 'return', when: when('transfer', { recipient: { accounts: [treasury] } }), creation, steps: others }] : []),
    { name: 'large transfers', when: when('transfer', listed), steps: officers(p) },
    { name: 'small purchases', when: when('buy', most(p.currency, p.purchase), daily(p.currency, p.bought)), creation, steps: others },
    { name: 'large purchases', when: when('buy'), steps: officers(p) },
  ] };
}

const SUMS = ['small', 'daily', 'purchase', 'bought'];
const wrongIn = (p, name) => (p[name].trim() ? typedAmount(p[name]).wrong : undefined);

/** presetPicture lets one begin with rules that fit together. */
export function presetPicture(f) {
  const groups = [['', 'choose a group'], ...f.vault.groups.filter((g) => !g.gone).map((g) => [g.id, g.name])], lists = [['', 'choose a whitelist'], ...f.vault.whitelists.filter((w) => !w.gone).map((w) => [w.id, w.name])];
  const sum = (name, label) => field(f, `preset.${name}`, label, { inputmode: 'decimal', hint: wrongIn(f.draft.preset, name) });
  const use = (name, label) => el('button', 'button is-small', { type: 'button', on: { click: `preset:${name}` } }, icon('copy'), label);
  return el('details', '', { key: 'presets' }, text('summary', '', 'Begin with rules that fit together'), text('div', 'form',
    text('p', 'small muted', 'Layered wallets: a treasury that may only pay the accounts that it funds, and below it an account with everyday rules. They take the place of the rules that are there, and can be changed like any other.'),
    text('div', 'field-row', choice(f, 'preset.officers', 'Officers, who decide on what is large', groups), field(f, 'preset.quorum', 'How many of them', { inputmode: 'numeric' })),
    text('div', 'field-row', choice(f, 'preset.operators', 'Operators, who ask for and approve what is small', groups), choice(f, 'preset.whitelist', 'Whom it may pay', lists)),
    text('div', 'field-row', field(f, 'preset.asset', 'Asset', { list: 'f-units' }), sum('small', 'Small, at most'), sum('daily', 'And in 24 hours')),
    text('div', 'field-row', field(f, 'preset.currency', 'Purchases in', { list: 'f-units' }), sum('purchase', 'Small, at most'), sum('bought', 'And in 24 hours')),
    text('div', 'cluster', use('treasury', 'Use the rules of a treasury'), use('trading', 'Use the everyday rules'))));
}

/** actPreset puts the rules of a preset into a draft; undefined for another action. */
export function actPreset(draft, action) {
  const [name, which] = action.split(':'), p = draft.preset;
  if (name !== 'preset') return undefined;
  const wrong = which === 'trading' && SUMS.find((sum) => typedAmount(p[sum]).wrong);
  if (wrong) return { draft, focus: `preset.${wrong}`, said: typedAmount(p[wrong]).wrong };
  const rules = which === 'treasury' ? treasuryRules(p) : tradingRules(p, draft.parent);
  return { draft: { ...draft, ...toDraft(rules), holidays: draft.holidays, source: draft.source, tier: draft.tier || which.toUpperCase() }, focus: 'rules', said: 'The rules are in the editor' };
}

