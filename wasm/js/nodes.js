// The parts that the vault's screens are made of, as pictures of the painter (port.d.ts).
// They are those of the core's own views, with the same classes.

export const el = (tag, cls, attrs, ...kids) => [tag, { ...(cls && { class: cls }), ...attrs }, flat(kids)];

// flat are children without the lists that they came in; a node is a list too, with a tag and attributes.
const isNode = ([tag, attrs]) => typeof tag === 'string' && typeof attrs === 'object' && attrs !== null && !Array.isArray(attrs);
const flat = (kids) => kids.flatMap((k) => (Array.isArray(k) && !isNode(k) ? flat(k) : [k]));

export const icon = (name) => ['icon', { name }];
export const text = (tag, cls, ...kids) => el(tag, cls, {}, ...kids);
export const link = (cls, href, ...kids) => el('a', cls, { href }, ...kids);
export const badge = (tone, picture, said) => text('span', `badge ${tone}`.trim(), picture && icon(picture), said);

export function button(cls, action, ...kids) {
  return el('button', `button ${cls}`.trim(), { type: 'button', on: { click: action } }, ...kids);
}

export function card(title, sub, body, { flush = false, actions, cls = '', key } = {}) {
  return el('section', `card ${cls}`.trim(), { ...(key && { key }) },
    title && text('div', 'card-head', text('h2', 'card-title', title), actions, sub && text('p', 'card-sub', sub)),
    text('div', flush ? 'card-body is-flush' : 'card-body', body));
}

export const fact = (label, ...value) => text('div', 'fact', text('dt', '', label), text('dd', '', ...value));

const copy = (what, said) => el('button', 'copy', { type: 'button', copy: said, 'aria-label': `Copy ${what}`, title: `Copy ${what}` }, icon('copy'));

export const identifier = (id, what = 'identifier') => text('span', 'id', text('code', '', id), copy(what, id));

// fingerprint is a thumbprint, or another digest, as people read it to each other.
export function fingerprint({ thumbprint, words, digits }, what = 'thumbprint') {
  const parts = (all) => all.map((one, key) => el('li', '', { key }, one));
  return el('div', 'fingerprint', { translate: 'no' }, el('ol', '', { 'aria-label': 'In words' }, parts(words)), el('ol', 'mono', { 'aria-label': 'In digits' }, parts(digits)), identifier(thumbprint, what));
}

// address is in groups of four, so that two can be compared by eye; it is copied whole.
export function address(whole) {
  const hex = whole.startsWith('0x') ? '0x' : '', groups = whole.slice(hex.length).match(/.{1,4}/g) ?? [];
  return text('span', 'id', el('code', 'address', { translate: 'no' }, hex && text('span', 'group', hex), groups.map((g) => text('span', 'group', g))), copy('address', whole));
}

export function notice(tone, picture, title, said, ...more) {
  return el('div', `notice ${tone}`, { role: 'group' }, icon(picture),
    text('div', 'notice-body', text('p', 'notice-title', title), said && text('p', '', said), more.length > 0 && text('div', 'notice-actions', ...more)));
}

// trouble is an error: what happened, what to do, the code small.
export function trouble(error, again) {
  return el('div', 'notice is-negative', { role: 'group' }, icon('alert'),
    text('div', 'notice-body', text('p', 'notice-title', upper(error.message)), error.remedy && text('p', '', error.remedy), text('p', 'code', error.code),
      again && text('div', 'notice-actions', button('is-small', again, icon('refresh'), 'Try again'))));
}

export const empty = (picture, title, said, ...actions) => text('div', 'empty', icon(picture), text('h2', 'empty-title', title), text('p', 'empty-text', said), actions.length > 0 && text('div', 'cluster', ...actions));

export function skeletons(n) {
  return el('div', 'stack', { 'aria-busy': 'true' }, text('span', 'visually-hidden', 'Loading'), Array.from({ length: n }, (_, key) => el('span', 'skeleton is-block', { key })));
}

// loaded shows what was loaded: skeletons first, an error above what is old.
export function loaded({ value, error } = {}, again, show) {
  if (error && !value) return trouble(error, again);
  if (!value) return skeletons(3);
  return error ? text('div', 'stack', trouble(error, again), show(value)) : show(value);
}

export const plural = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

export const upper = (s) => s.slice(0, 1).toUpperCase() + s.slice(1);

// list is a list in a sentence: "a, b and c".
export const list = (all, word = 'and') => (all.length < 2 ? all.join('') : `${all.slice(0, -1).join(', ')} ${word} ${all.at(-1)}`);

// day is that of a time, in UTC, as the vault reads it.
export const day = (iso, lang) => el('time', 'nowrap', { datetime: iso, title: iso }, new Intl.DateTimeFormat(lang || undefined, { dateStyle: 'medium', timeZone: 'UTC' }).format(new Date(iso)));

// moment is a time in the page's language and its own time zone.
export function moment(iso, lang, cls = 'nowrap') {
  return el('time', cls, { datetime: iso, title: iso }, new Intl.DateTimeFormat(lang || undefined, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(iso)));
}
