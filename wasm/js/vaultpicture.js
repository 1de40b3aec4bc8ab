// The picture of the vault's screens, of what is known (vaultpart.js keeps it). Pure.

import { isForm } from './forms.js';
import { logPicture } from './logview.js';
import { empty, link, loaded, text } from './nodes.js';
import { receiptPicture } from './receiptview.js';
import { accounts, groups, members, object, reporting, tabs, whitelists } from './vaultviews.js';

const LISTS = { '': accounts, members, groups, whitelists, reporting };

/** isReceipt reports whether a place shows a receipt. */
export const isReceipt = (at) => at === 'receipt' || at.startsWith('req_');

/** isObject reports whether a place shows an object of the vault. */
export const isObject = (at) => /^(mem|grp|wls|acc|rpk)_|^admin$/.test(at);

/** vaultPicture: the tabs, and what stands at a place; state.change() is the picture of a form. */
export function vaultPicture(state) {
  const { at } = state;
  return text('div', 'stack is-loose', tabs(at), ['div', { key: at || 'accounts', class: 'stack' }, [inside(state)]]);
}

function inside(state) {
  const { at, vault, objects, picks, lang, more, invited, change } = state;
  if (LISTS[at]) return loaded(vault, 'again', (v) => LISTS[at](v, { invited, lang }));
  if (isForm(at)) return change();
  if (at === 'log') return logPicture(state);
  if (isReceipt(at)) return receiptPicture(state);
  if (!isObject(at)) return empty('info', 'There is nothing here', 'The address may be mistyped, or be of another entity.', link('button', '/vault', 'Show who may pay whom'));
  return loaded(objects.get(at), 'again', (o) => object(o, picks.get(at), { lang, more, vault: vault.value }));
}
