// What several forms have in common. Pure.

import { field } from './controls.js';
import { idFrom, isID, kept } from './draft.js';

/** objectOf is the id that a place names: that of change_grp_board is grp_board. */
export const objectOf = (at) => /^[a-z]+_(.*)$/.exec(at)?.[1] ?? '';

/** saidOf are purpose and reference of a draft, where there are any. */
export const saidOf = ({ purpose = '', reference = '' }) => kept({ purpose: purpose.trim(), reference: reference.trim() });

/** named checks a name as far as a page can: the vault knows which characters nobody sees. */
export function named(errors, path, name, what = 'a name') {
  if (name.trim() === '') errors.push({ field: path, message: `Write ${what}` });
  else if ([...name.trim()].length > 64) errors.push({ field: path, message: 'A name has at most 64 characters' });
  else if (/ {2}/.test(name.trim())) errors.push({ field: path, message: 'A name has no two spaces in a row' });
}

/** newID is a field for the id of what is made, which follows the name until somebody writes another. */
export const newID = (f, path, kind) => field(f, path, 'Id', { hint: `${kind}_ and 3 to 40 small letters or digits. It stays for good.`, autocapitalize: 'off' });

/** following has an id follow a name. all are the objects that have one. */
export const following = (path, kind, all) => (draft, before, action, vault) => {
  if (action !== 'set:name' || before[path] !== idFrom(kind, before.name, all(vault))) return draft;
  return { ...draft, [path]: idFrom(kind, draft.name, all(vault)) };
};

/** fresh checks the id of what is made. */
export function fresh(errors, path, kind, id, taken) {
  if (!isID(kind, id)) errors.push({ field: path, message: `An id is ${kind}_ and 3 to 40 small letters or digits` });
  else if (taken.includes(id)) errors.push({ field: path, message: 'The vault has, or had, something of this id' });
}

export const ids = (all) => all.map((o) => o.id);
