// What would become of a request under rules that are not made yet: a person tries one beside the
// editor, and the vault explains it with the dry run (try and trial, shared/spec/wire.md). Pure.

import { choice, field } from './controls.js';
import { whole } from './drypart.js';
import { el, text } from './nodes.js';
import { typedAmount } from './numbers.js';

/** blankTrial is one that is not tried yet. */
export const blankTrial = () => ({ kind: 'buy', amount: '', currency: 'EUR', asset: 'ethereum', provider: '', address: '' });

/** trialOf is what the vault is asked to try; undefined while no amount is written. */
export function trialOf({ account, trial }) {
  const { amount } = typedAmount(trial?.amount ?? ''), { kind, currency, asset, provider, address } = trial ?? {};
  if (amount === undefined || amount === '0') return undefined;
  const of = { account, kind, asset: asset.trim(), amount };
  if (kind === 'buy') return { ...of, currency: currency.trim(), ...(provider.trim() && { provider: provider.trim() }) };
  return { ...of, currency: of.asset, ...(/^\w{20,100}$/.test(address.trim()) && { address: address.trim() }) };
}

/** trialPicture: the request that is tried, and what the vault says of it. */
export function trialPicture(f, said, names, lang) {
  const { trial } = f.draft, buys = trial.kind === 'buy', hint = trial.amount.trim() ? typedAmount(trial.amount).wrong : undefined;
  return el('section', 'card', { key: 'trial', 'aria-labelledby': 'f-trial' }, text('div', 'card-head', el('h2', 'card-title', { id: 'f-trial' }, 'Try a request'), text('p', 'card-sub', 'What would become of it now, under these rules. Nobody is asked, and nothing is kept.')),
    text('div', 'card-body',
      choice(f, 'trial.kind', 'Kind', [['buy', 'Purchase'], ['transfer', 'Transfer']]),
      text('div', 'field-row', field(f, 'trial.amount', 'Amount', { inputmode: 'decimal', hint }), buys && field(f, 'trial.currency', 'Currency', { list: 'f-units' }), field(f, 'trial.asset', 'Asset', { list: 'f-units' })),
      buys ? field(f, 'trial.provider', 'Provider', { hint: 'It may stay empty.' }) : [field(f, 'trial.address', 'To address', { hint: 'It may stay empty.', list: 'f-known', autocapitalize: 'off' }),
        el('datalist', '', { id: 'f-known' }, known(f.vault).map(([value, label]) => el('option', '', { value, key: value }, label)))],
      said && el('div', '', { key: 'said', role: 'group', 'aria-label': 'What would become of it' }, whole(said, names, lang))));
}

// known are addresses that the vault has names for.
const known = ({ whitelists, accounts }) => [...new Map([...accounts.map((a) => [a.address, a.name]), ...whitelists.flatMap((w) => w.entries.map((e) => [e.address, `${e.label}, in ${w.name}`]))])];
