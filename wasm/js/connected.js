// What all elements have in common: where the gateway is and how to sign in, said at each
// or once for many by <countersign-provider>.

import { fail } from './errors.js';
import { checked } from './options.js';
import { problem } from './port.js';
import { secretName } from './secret.js';
import { enter } from './shared.js';
import { themeProblem } from './theme.js';
import { version } from './build.js';

const Base = globalThis.HTMLElement ?? class {}; // a server has none

// reflected gives a class a property for each attribute, as text.
export function reflected(type, names) {
  for (const name of names) {
    const property = name.replace(/-(\w)/g, (_, c) => c.toUpperCase());
    Object.defineProperty(type.prototype, property, {
      configurable: true, enumerable: true,
      get() { return this.getAttribute(name) ?? ''; },
      set(v) {
        if (v === null || v === undefined || v === false) this.removeAttribute(name);
        else if (typeof v === 'object' || typeof v === 'function') this.refuse(fail('PROP_INVALID', `${property} is not text`, { field: property, remedy: `Set ${property} to text.` }));
        else this.setAttribute(name, v === true ? '' : String(v));
      },
    });
  }
}

export const CONNECTION = ['api-url', 'entity-id', 'environment', 'token-url'];
const GIVEN = ['accessToken', 'getAccessToken', 'wasmURL', 'bridgeUrls', 'user'];

// Connected is an element that may say where the gateway is and how to sign in.
export class Connected extends Base {
  static version = version;
  #given = {}; #theme;

  // upgrade takes over what was set before the element was defined.
  upgrade() {
    for (const name of Object.keys(this)) {
      if (!(name in Object.getPrototypeOf(this))) continue;
      const value = this[name];
      delete this[name];
      this[name] = value;
    }
  }

  // given are the options that stand at this element, or undefined: at none of its own.
  get given() {
    const secret = secretName([...this.getAttributeNames(), ...Object.keys(this)]); // refused by name, its value is left where it is
    if (this.getAttribute('api-url') === null && !secret) return undefined;
    return { ...(secret && { [secret]: true }), apiUrl: this.apiUrl, entityId: this.entityId || undefined, environment: this.environment, tokenUrl: this.tokenUrl || undefined, wasmURL: this.getAttribute('wasm-url') ?? undefined, ...this.#given };
  }

  give(name, value) {
    const had = this.#given[name];
    if (value === null || value === undefined) delete this.#given[name]; else this.#given[name] = value;
    if (had !== value) this.changed(name);
  }

  got(name) { return this.#given[name]; }

  get theme() { return this.#theme; }
  set theme(v) {
    const wrong = v !== null && v !== undefined && themeProblem(v);
    if (wrong) {
      console.warn(`countersign: ${wrong.message}. ${wrong.remedy}`); // many a page listens to no errors of colours
      return void this.refuse(fail('PROP_INVALID', wrong.message, wrong));
    }
    this.#theme = v ?? undefined;
    this.changed('theme');
  }

  tell(type, detail) { this.dispatchEvent(new CustomEvent(`countersign-${type}`, { detail, bubbles: true, composed: true })); }

  refuse(error) { queueMicrotask(() => this.tell('error', error)); }

  attributeChangedCallback(name, was, now) { if (was !== now) this.changed(name); }
}
for (const name of GIVEN) {
  Object.defineProperty(Connected.prototype, name, { configurable: true, enumerable: true, get() { return this.got(name); }, set(v) { this.give(name, v); } });
}
reflected(Connected, [...CONNECTION, 'locale']);

/** <countersign-provider>: says once for all elements inside it where the gateway is. */
export class CountersignProvider extends Connected {
  static observedAttributes = [...CONNECTION, 'locale'];
  #inside = new Set(); #shared; #off; #asked; #ready = false;

  connectedCallback() {
    this.upgrade();
    if (!this.shadowRoot) transparent(this.attachShadow({ mode: 'open' }));
    queueMicrotask(() => { this.#ready = true; this.changed(); }); // with all that was set before and at once
  }

  disconnectedCallback() { queueMicrotask(() => { if (!this.isConnected) this.#leave(); }); }

  // enlist is told of each element inside, which hears when something changes.
  enlist(element) {
    this.#inside.add(element);
    return () => this.#inside.delete(element);
  }

  changed(name) {
    if (!this.isConnected || !this.#ready) return;
    try { this.#enter(name); } catch (e) {
      if (e.code === 'SECRET_IN_PAGE' || signs(this.given)) this.refuse(e); // else the token may still come
    }
    for (const element of [...this.#inside]) element.changed(name);
  }

  #enter(name) {
    if (name === 'theme' || name === 'locale' || !this.given) return;
    const asked = checked(this.given), key = JSON.stringify([asked.apiUrl, asked.entityId, asked.environment]);
    if (key === this.#asked) return this.#shared.take(asked);
    this.#leave();
    this.#asked = key;
    const shared = this.#shared = enter(asked);
    shared.port.then((port) => {
      if (this.#shared !== shared) return;
      this.#off = expiry(this, shared, port);
    }, () => {}); // the elements inside show it
  }

  #leave() {
    this.#off?.();
    this.#shared?.leave();
    this.#shared = this.#off = this.#asked = undefined;
  }
}

// signs reports whether there is something to sign in with.
export const signs = (given) => !!(given.accessToken || given.getAccessToken || given.tokenUrl);

// transparent has an element be as if its children stood in its place. Its own attributes
// stay as its host wrote them: React compares them with what the server rendered.
function transparent(shadow) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(':host { display: contents; } :host([hidden]) { display: none; }');
  shadow.adoptedStyleSheets = [sheet];
  shadow.append(document.createElement('slot'));
}

// expiry has an element that signs in tell when its token is taken no longer.
export const expiry = (element, shared, port) => port.on(async (type, { until, error } = {}) => {
  if (type === 'token' && error) element.tell('token-expired', { at: until ?? new Date().toISOString(), error: await shared.meaning(problem(error)) });
});

// providerOf is the nearest provider around an element, through shadow roots.
export function providerOf(element) {
  for (let n = element.parentNode; n; n = n.parentNode ?? n.host) if (n instanceof CountersignProvider) return n;
  return undefined;
}
