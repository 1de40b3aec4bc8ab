// The controls of the vault's forms, as pictures: each with its label, its hint, and what is
// wrong with it. f is { draft, errors, vault }; a path names the part of the draft (draft.js).

import { get, SPANS } from './draft.js';
import { el, icon, text, upper } from './nodes.js';

/** idOf is the id of the control for a part of the draft. */
export const idOf = (path) => `f-${path.replaceAll(/[^\w]/g, '-')}`;

// keyOf tells a control from those beside it, and stays when what is around it moves in a list.
const keyOf = (path) => path.replace(/^.*\.\d+\./, '');

const wrongAt = (f, path) => f.errors.find((e) => e.field === path)?.message;

// described ties a control to its hint and its error.
function described(f, path, hint) {
  const wrong = wrongAt(f, path), id = `${idOf(path)}-said`;
  return {
    attrs: { id: idOf(path), ...((wrong || hint) && { 'aria-describedby': id }), ...(wrong && { 'aria-invalid': 'true' }) },
    said: wrong ? el('p', 'field-error', { id, key: 'wrong' }, icon('alert'), el('span', '', {}, wrong)) : hint && el('p', 'field-hint', { id, key: 'hint' }, hint),
  };
}

const labelled = (path, label, ...rest) => el('div', 'field', { key: keyOf(path) }, el('label', 'field-label', { for: idOf(path) }, label), ...rest);

/** field is a line of text. */
export function field(f, path, label, { hint, type = 'text', list, ...attrs } = {}) {
  const d = described(f, path, hint);
  return labelled(path, label, el('input', 'input', { type, autocomplete: 'off', spellcheck: 'false', ...(list && { list }), ...d.attrs, ...attrs, on: { input: `set:${path}` }, prop: { value: get(f.draft, path) ?? '' } }), d.said);
}

/** area is a text of several lines. */
export function area(f, path, label, { hint, ...attrs } = {}) {
  const d = described(f, path, hint);
  return labelled(path, label, el('textarea', 'textarea mono', { autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false', ...d.attrs, ...attrs, on: { input: `set:${path}` }, prop: { value: get(f.draft, path) ?? '' } }), d.said);
}

const option = ([value, label]) => el('option', '', { value, key: value }, label);

/** choice is one of several; options are [value, label]. */
export function choice(f, path, label, options, { hint } = {}) {
  const d = described(f, path, hint);
  return labelled(path, label, el('select', 'select', { ...d.attrs, on: { change: `set:${path}` }, prop: { value: get(f.draft, path) ?? '' } }, options.map(option)), d.said);
}

/** flag is yes or no. */
export function flag(f, path, label) {
  return el('label', 'check', { key: keyOf(path) }, el('input', '', { type: 'checkbox', id: idOf(path), on: { change: `flag:${path}` }, prop: { checked: Boolean(get(f.draft, path)) } }), el('span', '', {}, label));
}

/** some are several of a list; options are [value, label]. */
export function some(f, path, legend, options, { hint, hidden = false } = {}) {
  const d = described(f, path, hint), all = get(f.draft, path) ?? [];
  return el('fieldset', 'field', { key: keyOf(path), ...d.attrs, tabindex: '-1' }, el('legend', hidden ? 'visually-hidden' : 'field-label', {}, legend),
    text('div', 'checks', options.map(([value, label]) => el('label', 'check', { key: value },
      el('input', '', { type: 'checkbox', value, on: { change: `toggle:${path}:${value}` }, prop: { checked: all.includes(value) } }), el('span', '', {}, label)))), d.said);
}

// What stands in a sentence has its name for those who hear it alone.

/** word is a short text in a sentence. */
export function word(f, path, name, { size = 8, ...attrs } = {}) {
  const wrong = wrongAt(f, path);
  return el('input', 'input is-word', { type: 'text', id: idOf(path), key: keyOf(path), 'aria-label': name, size: String(size), autocomplete: 'off', spellcheck: 'false', ...(wrong && { 'aria-invalid': 'true', 'aria-describedby': `${idOf(path)}-said` }), ...attrs, on: { input: `set:${path}` }, prop: { value: get(f.draft, path) ?? '' } });
}

/** pick is one of several in a sentence. */
export function pick(f, path, name, options) {
  const wrong = wrongAt(f, path);
  return el('select', 'select is-word', { id: idOf(path), key: keyOf(path), 'aria-label': name, ...(wrong && { 'aria-invalid': 'true', 'aria-describedby': `${idOf(path)}-said` }), on: { change: `set:${path}` }, prop: { value: get(f.draft, path) ?? '' } }, options.map(option));
}

/** during is a number and a unit of time in a sentence. */
export const during = (f, path, name, units = SPANS) => [word(f, `${path}.n`, `${name}, how many`, { size: 3, inputmode: 'numeric' }), pick(f, `${path}.unit`, `${name}, unit`, units.map((u) => [u, u]))];

/** wrong are the errors of the parts of a sentence, below it. */
export function wrong(f, ...paths) {
  return paths.map((path) => { const said = wrongAt(f, path); return said && el('p', 'field-error', { id: `${idOf(path)}-said`, key: `wrong ${keyOf(path)}` }, icon('alert'), el('span', '', {}, said)); });
}

/** small is a small button with an icon that says in words what it does. */
export const small = (action, picture, name, attrs = {}) => el('button', 'icon-button', { type: 'button', key: picture, 'aria-label': name, title: name, on: { click: action }, ...attrs }, icon(picture));

export const add = (action, label) => el('button', 'button is-small is-quiet', { type: 'button', key: label, on: { click: action } }, icon('buy'), label);

/** plainly asks for a purpose and a reference, which every change may have. */
export const plainly = (f, who = 'administrators') => text('div', 'field-row', field(f, 'purpose', 'What for', { hint: `${upper(who)} read it. It may stay empty.`, maxlength: '140' }), field(f, 'reference', 'Your reference', { hint: 'Such as a ticket’s number. It may stay empty.', maxlength: '140' }));

