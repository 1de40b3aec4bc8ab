// Accounts: created, and changed with their rules, which stand in the editor (ruleview.js).

import { choice, field } from './controls.js';
import { following, fresh, ids, named, newID, objectOf, saidOf } from './formparts.js';
import { el, text } from './nodes.js';
import { actPreset, blankPreset, presetPicture } from './presets.js';
import { mistakes, placed, rulesOf, toDraft } from './ruleset.js';
import { actRules, rulesPicture } from './ruleview.js';
import { kept } from './draft.js';
import { certain, figure, typedAmount } from './numbers.js';
import { blankTrial, trialOf } from './trial.js';

const TIERS = [['', 'None'], ['TREASURY', 'Treasury: most of the assets; it funds others'], ['TRADING', 'Trading: everyday payments and purchases']];
const all = (vault) => ids(vault.accounts);

// parents are the accounts that could fund one: of its chain, and not itself or one below it.
function parents({ accounts }, account, chain) {
  const below = (a) => { for (let up = a; up; up = accounts.find((o) => o.id === up.parent)) if (up.id === account) return true; return false; };
  return [['', 'None'], ...accounts.filter((a) => a.chain === chain && !below(a)).map((a) => [a.id, a.name])];
}

const terms = (f) => [
  text('div', 'field-row', choice(f, 'tier', 'Tier', TIERS), choice(f, 'parent', 'Funded by', parents(f.vault, f.draft.account, f.draft.chain))),
  text('p', 'small muted', 'A tier and what funds an account say what it is for. What it may do, its rules say.'),
];

// sweep is the standing rule that brings deposits to the account's own address.
const sweep = (f) => [
  text('div', 'field-row', field(f, 'sweep.max_fee', 'Fee of a sweep at most', { inputmode: 'decimal', hint: 'Of the chain’s coin. Empty: deposits stay where they arrive.' }), field(f, 'sweep.per_day', 'Fees of sweeps in 24 hours at most', { inputmode: 'decimal' })),
  text('p', 'small muted', 'What is bought arrives at deposit addresses. By this rule the vault sends it on to the account’s own address, from where it can be paid out, without asking anybody.'),
];
const swept = ({ sweep: s }) => (s.max_fee.trim() || s.per_day.trim() ? { sweep: { max_fee: figure(s.max_fee), per_day: figure(s.per_day) } } : {});

// checkSweep: both amounts, or neither. How they compare, and how fine they may be, the vault says.
const checkSweep = (draft) => Object.keys(swept(draft).sweep ?? {}).flatMap((name) => { const { wrong, may } = typedAmount(draft.sweep[name]); return wrong ? [{ field: `sweep.${name}`, message: may ? wrong : 'Write an amount, such as 0.001, or leave both empty' }] : []; });

// folded are parts that are seldom changed; they unfold when something in them is wrong.
const folded = (f, key, label, its, ...parts) => el('details', '', { key, ...(f.errors.some((e) => its.test(e.field)) && { prop: { open: true } }) }, text('summary', '', label), text('div', 'form', ...parts));

const checkTerms = (draft, vault, errors) => {
  named(errors, 'name', draft.name);
  if (vault.accounts.some((a) => a.id !== draft.account && a.name === draft.name.trim())) errors.push({ field: 'name', message: 'Another account has this name' });
  return [...errors, ...mistakes(draft)];
};

// placedOr is placed, also for the request that is tried: the vault calls it "try".
const placedOr = (field, draft) => (field?.startsWith('try.') ? `trial.${field.slice(4)}` : placed(field, draft));

const act = (draft, action, value, { vault }) => actRules(draft, action) ?? actPreset(draft, action, vault);
const parent = (draft) => kept({ tier: draft.tier, parent: draft.parent });

export const accountEdit = {
  title: ({ draft, vault }) => `Change the account ${vault.accounts.find((a) => a.id === draft.account)?.name ?? draft.account}`,
  begin(at, vault) {
    const a = vault.accounts.find((one) => one.id === objectOf(at));
    return a && { version: a.version, draft: { account: a.id, name: a.name, chain: a.chain, tier: a.tier ?? '', parent: a.parent ?? '', sweep: { max_fee: certain(a.sweep?.max_fee ?? ''), per_day: certain(a.sweep?.per_day ?? '') }, ...toDraft(a.rules), preset: blankPreset(vault), trial: blankTrial() } };
  },
  back: ({ account }) => `/vault/${account}`,
  fields: (f) => [folded(f, 'terms', 'Name, tier and what funds it', /^(name|tier|parent)$/, field(f, 'name', 'Name', { maxlength: '64' }), terms(f)), folded(f, 'sweep', 'What becomes of deposits', /^sweep\./, sweep(f)), rulesPicture(f), presetPicture(f)],
  act,
  check: (draft, vault) => checkTerms(draft, vault, checkSweep(draft)),
  intent: (draft, version) => ({
    kind: 'account.edit', v: 1, account: draft.account, from_version: version, name: draft.name.trim(), ...parent(draft), ...swept(draft), rules: rulesOf(draft),
    before: { name: '', order: null, rules: { version: 0, rules: null } }, ...saidOf(draft),
  }),
  placed: placedOr,
  tries: trialOf,
};

export const accountNew = {
  title: () => 'New account',
  lead: () => 'Its key is made in the vault’s HSM for the request. The account is there with the last approval.',
  begin: (_, vault) => ({ version: 0, draft: { made: true, account: '', name: '', chain: vault.accounts[0]?.chain ?? vault.chains[0]?.id ?? '', tier: '', parent: '', sweep: { max_fee: '', per_day: '' }, ...toDraft({ rules: [] }), preset: blankPreset(vault), trial: blankTrial() } }),
  back: () => '/vault',
  fields: (f) => [field(f, 'name', 'Name', { maxlength: '64' }), newID(f, 'account', 'acc'), choice(f, 'chain', 'Chain', f.vault.chains.map((c) => [c.id, c.name]), { hint: 'It stays for good.' }), terms(f), folded(f, 'sweep', 'What becomes of deposits', /^sweep\./, sweep(f)), presetPicture(f), rulesPicture(f)],
  act,
  follow: following('account', 'acc', all),
  check(draft, vault) {
    const errors = checkSweep(draft);
    fresh(errors, 'account', 'acc', draft.account, all(vault));
    return checkTerms(draft, vault, errors);
  },
  intent: (draft) => ({ kind: 'account.create', v: 1, account: draft.account, name: draft.name.trim(), chain: draft.chain, address: '', ...parent(draft), ...swept(draft), rules: rulesOf(draft), ...saidOf(draft) }),
  placed: placedOr,
  tries: trialOf,
};
