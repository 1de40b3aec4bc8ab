// What an element shows, and takes, before the core is there: the picture that the core's own
// view made of it when it was built (wasm/first), with what the page's attributes fill in.

import { Early } from './early.js';
import { PARTS } from './first.js';

// FirstPart shows it with a painter. For an environment that is not known yet there is none.
export class FirstPart {
  #early; #painter; #picture;

  // name is one of PARTS; form are values of fields by their names; without are addresses that the page has no screens for.
  constructor(painter, environment, name, { form = {}, without = [] } = {}) {
    const picture = PARTS[environment === 'development' ? 'sandbox' : environment]?.[name];
    this.#painter = painter;
    this.#picture = picture && { ...picture, tree: filled(picture.tree, form, without) };
    this.#early = new Early(this.#picture && { '/': this.#picture }, painter);
  }

  // show puts it on screen; false when there is none.
  show() { return this.#early.show('/'); }

  // keep takes what the person did, and says that a press waits for the core.
  keep(action, value) {
    if (!this.#early.keep(action, value)) return;
    if (/^buy\.(field|stay|regroup)/.test(action)) return;
    this.#painter.paint({ ...this.#picture, tree: pressed(this.#picture.tree, action), announce: 'Loading; what you pressed comes next' });
  }

  // hand gives the core what was kept, once.
  hand(dispatch) { this.#early.hand(dispatch); }
}

// each is a tree whose nodes f may change or, with undefined, leave out.
function each(tree, f) {
  if (typeof tree === 'string' || !tree) return tree;
  const now = f(tree);
  return now && [now[0], now[1], (now[2] ?? []).map((kid) => each(kid, f)).filter((kid) => kid !== undefined), ...now.slice(3)];
}

const filled = (tree, form, without) => each(tree, ([tag, attrs, ...rest]) => {
  if (without.includes(attrs?.href)) return undefined;
  const value = tag === 'input' && form[attrs.name];
  return [tag, value ? { ...attrs, prop: { ...attrs.prop, value } } : attrs, ...rest];
});

// pressed is a tree in which the control that was pressed works; of a form that is its button.
function pressed(tree, action) {
  let inside = false;
  return each(tree, ([tag, attrs, ...rest]) => {
    if (tag === 'form') inside = attrs.on?.submit === action;
    const its = attrs?.on?.click === action || inside && attrs?.type === 'submit';
    return [tag, tag === 'button' && its ? { ...attrs, class: `${attrs.class} is-busy`, 'aria-busy': 'true' } : attrs, ...rest];
  });
}
