// How the painter reads and writes what a person edits.

const TEXTUAL = /^(text|search|email|url|tel|number|password|date|time|textarea)$/;

// property sets el[name] to want when it differs, unless the person has typed
// further than the picture knows. was is what the picture before said.
export function property(el, name, want, was) {
  if (name === 'open' && want === was) return; // a person may fold it differently
  if (el[name] === want) return;
  const editing = name === 'value' && el === focused(el) && TEXTUAL.test(el.type);
  if (editing && (want === was || el.value !== (was ?? ''))) return;
  el[name] = want;
}

// focused is the element that has the focus, of the tree that el is in.
export const focused = (el) => el.getRootNode().activeElement;

// valueOf is what an event tells the core: the text of a field, "true" or
// "false" for a box, a key's name, or a form's fields as a JSON object.
export function valueOf(e, el) {
  if (e.type === 'submit') return JSON.stringify(Object.fromEntries(new FormData(el)));
  if (e.type === 'keydown') return e.key;
  if (e.type === 'toggle') return String(el.open);
  const from = e.type === 'input' || e.type === 'change' ? e.target : el;
  if (from.type === 'checkbox') return String(from.checked);
  return from.value === undefined ? '' : String(from.value);
}

// land moves the focus to a part of the page that is not a control, so that the
// next Tab goes on from there.
export function land(el) {
  if (!el) return;
  if (!el.hasAttribute('tabindex')) el.setAttribute('tabindex', '-1');
  el.focus({ preventScroll: true });
}
