// Whitelists: addresses outside the vault, whose they are and on which chain.

import { add, choice, field, small } from './controls.js';
import { get, set } from './draft.js';
import { addressProblem, checked, unchecked } from './eip55.js';
import { following, fresh, ids, named, newID, objectOf, saidOf } from './formparts.js';
import { el, text } from './nodes.js';

const MOST = 32; // addresses
let made = Date.now();
const row = (entry) => ({ key: ++made, ...entry });
const all = (vault) => ids(vault.whitelists);
const usual = (vault) => vault.accounts[0]?.chain ?? vault.chains[0]?.id ?? '';

export const whitelistPut = {
  title: ({ draft, vault }) => (draft.made ? 'New whitelist' : `Change the whitelist ${vault.whitelists.find((l) => l.id === draft.whitelist)?.name ?? draft.whitelist}`),
  begin(at, vault) {
    const l = vault.whitelists.find((one) => one.id === objectOf(at));
    if (!l) return at === 'new_whitelist' ? { version: 0, draft: { made: true, whitelist: '', name: '', entries: [row({ label: '', address: '', chain: usual(vault) })] } } : undefined;
    return { version: l.gone ? 0 : l.version, draft: { made: false, whitelist: l.id, name: l.name, entries: l.entries.map(({ label, address, chain }) => row({ label, address, chain })) } };
  },
  back: ({ made: anew, whitelist }) => (anew ? '/vault/whitelists' : `/vault/${whitelist}`),
  fields: (f) => [
    field(f, 'name', 'Name', { maxlength: '64' }), f.draft.made && newID(f, 'whitelist', 'wls'),
    el('ol', 'clauses', { id: 'f-entries', tabindex: '-1', 'aria-label': 'Addresses', key: 'entries' }, f.draft.entries.map((e, i) => entry(f, e, i))),
    f.draft.entries.length < MOST && text('div', 'cluster', add('entry', 'Add an address')),
  ],
  act(draft, action, _, { vault }) {
    const path = /^check:(.*)$/.exec(action)?.[1];
    if (path) return { draft: set(draft, path, checked(get(draft, path).trim().slice(2))), focus: path };
    return action === 'entry' ? { draft: set(draft, 'entries', [...draft.entries, row({ label: '', address: '', chain: draft.entries.at(-1)?.chain ?? usual(vault) })]), focus: `entries.${draft.entries.length}.label` } : undefined;
  },
  follow: following('whitelist', 'wls', all),
  check({ made: anew, whitelist, name, entries }, vault) {
    const errors = [];
    named(errors, 'name', name);
    if (anew) fresh(errors, 'whitelist', 'wls', whitelist, all(vault));
    if (entries.length === 0) errors.push({ field: 'entries', message: 'Add at least one address' });
    entries.forEach((e, i) => {
      const at = `entries.${i}`, problem = addressProblem(e.address.trim(), e.chain);
      named(errors, `${at}.label`, e.label, 'whose it is');
      if (problem) errors.push({ field: `${at}.address`, message: problem });
      else if (entries.findIndex((o) => o.chain === e.chain && o.address.trim().toLowerCase() === e.address.trim().toLowerCase()) !== i) errors.push({ field: `${at}.address`, message: 'It is in the list already' });
    });
    return errors;
  },
  intent: (draft, version) => ({ kind: 'whitelist.put', v: 1, whitelist: draft.whitelist, from_version: version, name: draft.name.trim(), entries: draft.entries.map((e) => ({ address: e.address.trim(), chain: e.chain, label: e.label.trim() })), ...saidOf(draft) }),
  placed: (at, draft) => (at?.startsWith('entries') && get(draft, at) === undefined ? 'entries' : at),
};

// entry is one address. Whether its check holds is said as soon as it is whole.
function entry(f, e, i) {
  const at = `entries.${i}`, typed = e.address.trim(), own = f.vault.accounts.find((a) => a.chain === e.chain && a.address.toLowerCase() === typed.toLowerCase()), problem = typed.length >= 42 && addressProblem(typed, e.chain);
  const shown = problem && !f.errors.some((x) => x.field === `${at}.address`) ? { ...f, errors: [...f.errors, { field: `${at}.address`, message: problem }] } : f;
  const hint = own ? `It is the account ${own.name} of this vault` : typed && !problem && /[A-F]/.test(typed) && /[a-f]/.test(typed.slice(2)) && e.chain.startsWith('eip155:') && typed.length === 42 ? 'The check in its letters holds' : 'As whoever receives writes it: the case of its letters is a check';
  return el('li', 'clause', { key: e.key }, text('div', 'clause-line', el('p', 'strong', {}, e.label.trim() || `Address ${i + 1}`), small(`remove:${at}`, 'cross', `Remove ${e.label.trim() || `address ${i + 1}`}`)),
    text('div', 'field-row', field(shown, `${at}.label`, 'Whose it is', { maxlength: '64' }), choice(shown, `${at}.chain`, 'Chain', f.vault.chains.map((c) => [c.id, c.name]))),
    field(shown, `${at}.address`, 'Address', { hint, autocapitalize: 'off', translate: 'no' }),
    e.chain.startsWith('eip155:') && unchecked(typed) && text('div', 'cluster', text('span', 'small', 'With its check it is ', el('code', '', { translate: 'no' }, checked(typed.slice(2)))), el('button', 'button is-small', { type: 'button', on: { click: `check:${at}.address` } }, 'Write it so')));
}
