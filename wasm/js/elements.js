// Parts of Countersign for somebody else's page. Each is alone in a shadow root: what
// the host's styles say does not reach in, and nothing of it reaches out. They show
// what the core paints (painter.js) and speak of it with events that bubble.

import { of } from './client.js';
import { checked } from './options.js';
import { enter } from './shared.js';
import { CountersignError, fail } from './errors.js';
import { Painter } from './painter.js';
import { problem } from './port.js';
import { frame, themed } from './root.js';
import { save } from './save.js';
import { refuseSecrets, secretName } from './secret.js';
import { orderOf, purchaseOf, quoteOf } from './shapes.js';
import { failurePicture, leave, skeletonPicture } from './waiting.js';
import { version } from './build.js';

const AGAIN = 60_000; // ms within which a core that stops twice waits for the person
const Base = globalThis.HTMLElement ?? class {}; // a server has none

// reflected gives a class a property for each attribute, as text.
function reflected(type, names) {
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

const CONNECTION = ['api-url', 'entity-id', 'environment', 'token-url'];
const GIVEN = ['accessToken', 'getAccessToken', 'wasmURL', 'bridgeUrls', 'user'];

// Connected is an element that may say where the gateway is and how to sign in.
class Connected extends Base {
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
    if (v !== null && v !== undefined && typeof v !== 'object') return void this.refuse(fail('PROP_INVALID', 'theme is not an object of colours', { field: 'theme', remedy: 'Set theme to { primary: "#511320", … }.' }));
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
const signs = (given) => !!(given.accessToken || given.getAccessToken || given.tokenUrl);

// transparent has an element be as if its children stood in its place. Its own attributes
// stay as its host wrote them: React compares them with what the server rendered.
function transparent(shadow) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(':host { display: contents; } :host([hidden]) { display: none; }');
  shadow.adoptedStyleSheets = [sheet];
  shadow.append(document.createElement('slot'));
}

// expiry has an element that signs in tell when its token is taken no longer.
const expiry = (element, shared, port) => port.on(async (type, { until, error } = {}) => {
  if (type === 'token' && error) element.tell('token-expired', { at: until ?? new Date().toISOString(), error: await shared.meaning(problem(error)) });
});

// providerOf is the nearest provider around an element, through shadow roots.
function providerOf(element) {
  for (let n = element.parentNode; n; n = n.parentNode ?? n.host) if (n instanceof CountersignProvider) return n;
  return undefined;
}

/** What all elements have that show something. */
export class CountersignElement extends Connected {
  static observedAttributes = [...CONNECTION, 'locale', 'dir'];
  #frame; #painter; #surface; #shared; #port; #key; #client; #delist; #off; #run = 0; #path; #stopped = -Infinity; #failed;

  // Of a kind: what to open; another name is another surface.
  opening() { return { kind: this.constructor.kind }; }
  get about() { return JSON.stringify(this.opening()); }
  get ready() { return true; }
  opened() {} // what else to do once it is

  get client() { return this.#client; }
  set client(v) {
    if (v && !of(v)) return void this.refuse(fail('PROP_INVALID', 'client did not come from connect()', { field: 'client', remedy: 'Set client to what connect() resolved to.' }));
    this.#client = v ?? undefined;
    this.changed('client');
  }

  connectedCallback() {
    this.upgrade();
    if (!this.#frame) {
      this.#frame = frame(this.shadowRoot ?? this.attachShadow({ mode: 'open' }), this.constructor.kind);
      if (this.ready) this.#paint(skeletonPicture());
    }
    queueMicrotask(() => this.changed());
  }

  disconnectedCallback() {
    queueMicrotask(() => { // one that is moved is back already, and works on
      if (this.isConnected) return;
      this.#delist?.();
      this.#delist = undefined;
      this.#close();
    });
  }

  // changed looks whether what is shown is still what was asked for.
  changed(name) {
    if (!this.isConnected || !this.#frame) return;
    const provider = providerOf(this);
    this.#delist?.();
    this.#delist = provider?.enlist(this);
    const styles = getComputedStyle(this);
    themed(this.#frame, { ...provider?.theme, ...this.theme }, styles, this.getAttribute('dir') || styles.direction, this.#language(provider));
    if (name === 'theme' || name === 'dir') return;
    const given = this.given ?? provider?.given;
    const key = JSON.stringify([this.#client ? 'client' : given && [given.apiUrl, given.entityId, given.environment], this.ready && this.about, this.#language(provider)]);
    if (key !== this.#key || this.#client !== this.#shownClient || (this.#failed && name !== undefined)) this.#open(key, given, this.#language(provider));
    else if (given && this.#shared) this.#shared.take(given);
  }

  #shownClient;

  #language(provider) { return this.locale || provider?.locale || this.closest('[lang]')?.lang || ''; }

  async #open(key, given, locale) {
    this.#close();
    this.#key = key;
    this.#shownClient = this.#client;
    const run = this.#run;
    try {
      if (!this.ready) return void this.#paint({}); // nothing, until it is said what to show
      if (!this.#client && !given) throw fail('PROP_INVALID', 'There is no gateway to ask', { field: 'apiUrl', remedy: 'Set api-url, or put the element into <countersign-provider>.' });
      if (!this.#client) refuseSecrets(given);
      if (!this.#client && !signs(given)) return void (this.#key = undefined); // a token may still come
      this.#shared = this.#client ? of(this.#client) : enter(checked(given));
      if (this.#client) this.#shared.enter({});
      const port = this.#port = await this.#shared.port;
      if (run !== this.#run) return;
      if (this.given && !this.#client) this.#off = expiry(this, this.#shared, port);
      this.#failed = undefined;
      this.#painter ??= this.#paints();
      this.#surface = port.surface({ ...this.opening(), ...(locale && { locale }) }, { paint: this.#picture, event: this.#told, stopped: this.#halt });
      this.opened();
      const wrong = await this.#shared.wrong();
      if (wrong && run === this.#run) {
        this.#surface.close();
        throw wrong;
      }
    } catch (e) {
      if (run === this.#run) this.#fail(e);
    }
  }

  #close() {
    this.#run++;
    this.#off?.();
    this.#off = undefined;
    this.#surface?.close();
    this.#shared?.leave();
    this.#surface = this.#shared = this.#port = this.#key = this.#path = undefined;
  }

  #paints() { return new Painter(this.#frame.root, this.#send, { routing: false, base: () => this.#shared?.options.apiUrl ?? '' }); }

  #paint(picture) { (this.#painter ??= this.#paints()).paint(picture); }

  #picture = (picture) => {
    this.#paint(picture);
    const { path } = picture, before = this.#path;
    this.#path = path;
    if (this.constructor.kind === 'app' && before !== undefined && path !== before) this.tell('navigated', { route: path });
  };

  // act does what a press on a control with this action does.
  act(action, value = '') { this.#surface?.act(action, value); }

  #send = (action, value) => {
    if (action === 'loader:retry') { this.#stopped = -Infinity; this.#key = undefined; this.changed('retry'); } else this.act(action, value);
  };

  #told = (type, detail) => {
    switch (type) {
      case 'open': return void leave(detail, this.#shared?.options.apiUrl);
      case 'save': return save(detail);
      case 'reload': this.#key = undefined; return void this.changed('reload');
      case 'step': return void this.tell('step', { step: detail });
      case 'quote': return void this.tell('quote', quoteOf(detail.row, detail.account));
      case 'error': return void this.tell('error', problem(detail, 'decide'));
      case 'navigated': return void this.moved(detail);
      case 'requested': case 'approved': case 'rejected': return void this.#bring(type, 'request', detail, purchaseOf);
      case 'ordered': case 'delivered': return void this.#bring(type, 'order', detail, orderOf);
      default:
    }
  };

  moved(route) { this.tell('navigated', { route }); }

  async #bring(type, what, id, shape) {
    const { news, options } = this.#shared;
    try {
      const wire = await this.#port.call(what, { id });
      if (news.shows(type, wire)) this.tell(type, shape(wire, options.apiUrl));
      news.tell(type, wire); // to clients of the same core
    } catch (e) { this.tell('error', e); }
  }

  #halt = (error) => {
    if (!this.isConnected || error !== this.#port?.stopped || this.#key === undefined) return;
    const again = performance.now() - this.#stopped < AGAIN;
    this.#stopped = performance.now();
    this.#surface = undefined;
    this.tell('error', error);
    if (again) { this.#fail(error, true); return; }
    this.#key = undefined;
    this.changed('stopped');
  };

  #fail(error, told) {
    const known = error instanceof CountersignError ? error : fail('START_FAILED', error?.message ?? String(error), { cause: error });
    this.#failed = known;
    this.#paint(failurePicture(known));
    if (!told) this.tell('error', known);
  }
}

const FORM = { amount: 'amount', currency: 'fiat', asset: 'asset', method: 'method', country: 'country', account: 'account' };

/** <countersign-quotes>: the form and the prices. */
export class CountersignQuotes extends CountersignElement {
  static kind = 'quotes';
  static observedAttributes = [...super.observedAttributes, ...Object.keys(FORM)];

  get value() { return Object.fromEntries(Object.keys(FORM).map((name) => [name, this[name]])); }
  set value(v) {
    if (typeof v !== 'object') return void this.refuse(fail('PROP_INVALID', 'value is not an object', { field: 'value', remedy: 'Set value to { amount, currency, asset, method, country }.' }));
    for (const name of Object.keys(FORM)) this[name] = v?.[name];
  }

  get about() { return 'quotes'; }

  opened() { if (this.hasAttribute('hold')) this.act('buy.hold'); }

  // A field that the page changes is what a person would type.
  attributeChangedCallback(name, was, now) {
    if (name in FORM) { if (was !== now) this.act(`buy.field:${FORM[name]}`, now ?? ''); } else super.attributeChangedCallback(name, was, now);
  }

  opening() {
    const form = Object.fromEntries(Object.entries(FORM).map(([name, field]) => [field, this[name].slice(0, 128)]));
    return { kind: 'quotes', form };
  }
}
reflected(CountersignQuotes, Object.keys(FORM));

/** <countersign-approve request="…">: one decision. */
export class CountersignApprove extends CountersignElement {
  static kind = 'approve';
  static observedAttributes = [...super.observedAttributes, 'request', 'member'];
  get ready() { return this.request !== ''; }
  opening() { return { kind: 'approve', request: this.request, member: this.member }; }
}
reflected(CountersignApprove, ['request', 'member']);

/** <countersign-requests>: the list of requests. */
export class CountersignRequests extends CountersignElement {
  static kind = 'requests';
  static observedAttributes = [...super.observedAttributes, 'state', 'search', 'page-size'];

  attributeChangedCallback(name, was, now) {
    if (name === 'page-size') this.#size();
    else if (name === 'state' || name === 'search') this.#narrow();
    else super.attributeChangedCallback(name, was, now);
  }

  opened() {
    if (this.state || this.search) this.#narrow();
    if (this.pageSize) this.#size();
  }

  #size() { // how many of each kind are shown before one asks for more; as ever when absent
    const size = this.pageSize || '0';
    if (/^\d{1,3}$/.test(size)) this.act(`find.size:${size}`);
    else this.refuse(fail('PROP_INVALID', 'page-size is not a number of rows', { field: 'pageSize', remedy: 'Set page-size to a whole number from 1 to 999.' }));
  }

  #narrow() { // to what is next to be done, and to words that are looked for
    this.act(`find.group:${{ ready: 'pay', 'at-provider': 'provider' }[this.state] ?? this.state}`);
    this.act('find.text', this.search);
  }

  moved(route) {
    const request = /^\/requests\/(\w+)$/.exec(route)?.[1];
    if (request) this.tell('selected', { request }); else super.moved(route);
  }
}

reflected(CountersignRequests, ['state', 'search', 'page-size']);

/** <countersign-order request="…">: what follows an approval. */
export class CountersignOrder extends CountersignElement {
  static kind = 'order';
  static observedAttributes = [...super.observedAttributes, 'request'];
  get ready() { return this.request !== ''; }
  opening() { return { kind: 'order', request: this.request }; }
}
reflected(CountersignOrder, ['request']);

/** <countersign-bridge-status>: how the bridge stands, and what to do. */
export class CountersignBridgeStatus extends CountersignElement {
  static kind = 'bridge-status';
}

/** <countersign-app>: all of it, with its own navigation in memory. */
export class CountersignApp extends CountersignElement {
  static kind = 'app';
  static observedAttributes = [...super.observedAttributes, 'chrome'];
  opening() { return { kind: 'app', path: '/buy', inside: true, ...(this.chrome === 'none' && { bare: true }) }; }
  /** navigate shows a screen: "/requests", "/orders/ord_…". */
  navigate(route) { this.act(`navigate:${route}`); }
}
reflected(CountersignApp, ['chrome']);

const ALL = {
  provider: CountersignProvider, quotes: CountersignQuotes, approve: CountersignApprove, requests: CountersignRequests,
  order: CountersignOrder, 'bridge-status': CountersignBridgeStatus, app: CountersignApp,
};

/** define registers the elements, as <PREFIX-quotes> and so on. */
export function define({ prefix = 'countersign' } = {}) {
  if (!globalThis.customElements) return;
  for (const name of Object.keys(ALL)) {
    const there = customElements.get(`${prefix}-${name}`);
    if (there && there.version !== version) {
      throw fail('VERSION_CONFLICT', `<${prefix}-${name}> is of version ${there.version ?? 'unknown'}, this is ${version}`, { field: 'prefix' });
    }
  }
  for (const [name, type] of Object.entries(ALL)) {
    if (!customElements.get(`${prefix}-${name}`)) customElements.define(`${prefix}-${name}`, prefix === 'countersign' ? type : class extends type {});
  }
}

try { define(); } catch (e) { console.warn(e.message, e.remedy); } // such a page calls define({ prefix })
