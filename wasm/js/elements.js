// Parts of Countersign for somebody else's page. Each is alone in a shadow root: what
// the host's styles say does not reach in, and nothing of it reaches out. They show
// what the core paints (painter.js) and speak of it with events that bubble.

import { of } from './client.js';
import { Connected, CONNECTION, CountersignProvider, expiry, providerOf, reflected, signs } from './connected.js';
import { DryPart } from './drypart.js';
import { CountersignError, fail } from './errors.js';
import { FirstPart } from './firstpart.js';
import { checked } from './options.js';
import { Painter } from './painter.js';
import { isOffered, placed, whenOffered } from './place.js';
import { problem } from './port.js';
import { frame, themed } from './root.js';
import { RecordPart } from './recordpart.js';
import { save } from './save.js';
import { refuseSecrets } from './secret.js';
import { orderOf, purchaseOf, quoteOf } from './shapes.js';
import { flat } from './theme.js';
import { enter } from './shared.js';
import { SendingPart } from './sendingpart.js';
import { failurePicture, leave, skeletonPicture } from './waiting.js';
import { version } from './build.js';

export { CountersignProvider } from './connected.js';

const AGAIN = 60_000; // ms within which a core that stops twice waits for the person
const LOOK = 15_000; // ms after which a gateway that did not answer is asked again

/** What all elements have that show something. */
export class CountersignElement extends Connected {
  static observedAttributes = [...CONNECTION, 'locale', 'dir'];
  #frame; #painter; #surface; #shared; #port; #key; #client; #delist; #off; #run = 0; #path; #stopped = -Infinity; #failed; #look; #first; #begun = false;

  // Of a kind: what to open; another name is another surface.
  opening() { return { kind: this.constructor.kind }; }
  get about() { return JSON.stringify(this.opening()); }
  get ready() { return true; }
  get early() { return { name: this.constructor.kind }; } // what is shown before the core is there (firstpart.js)
  opened() {} // what else to do once it is

  // surface opens what is shown: a surface of the core.
  surface(port, { locale }, on) { return port.surface({ ...this.opening(), ...(locale && { locale }) }, on); }

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
      if (this.ready) this.#waits();
    }
    queueMicrotask(() => this.changed());
  }

  // waits shows what holds the element's place until the core paints.
  #waits() {
    const environment = this.#client ? of(this.#client).options.environment : this.given?.environment ?? providerOf(this)?.environment;
    const { name, ...more } = this.early;
    this.#painter ??= this.#paints();
    this.#first = new FirstPart(this.#painter, environment, name, more);
    if (!this.#first.show()) {
      this.#first = undefined;
      this.#paint(skeletonPicture());
    }
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
    themed(this.#frame, { ...flat(provider?.theme), ...flat(this.theme) }, styles, this.getAttribute('dir') || styles.direction, this.#language(provider));
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
      if (!this.#begun && !this.#first && !this.#failed) this.#waits(); // it may be known by now for which environment
      if (!this.#client && !given) throw fail('PROP_INVALID', 'There is no gateway to ask', { field: 'apiUrl', remedy: 'Set api-url, or put the element into <countersign-provider>.' });
      if (!this.#client) refuseSecrets(given);
      if (!this.#client && !signs(given)) return void (this.#key = undefined); // a token may still come
      this.#shared = this.#client ? of(this.#client) : enter(checked(given));
      if (this.#client) this.#shared.enter({});
      const port = this.#port = await this.#shared.port;
      if (run !== this.#run) return;
      if (this.given && !this.#client) this.#off = expiry(this, this.#shared, port);
      if (this.#failed) { // it stands until there is something else to show
        const still = await this.#shared.wrong();
        if (run !== this.#run) return;
        if (still) throw still;
      }
      this.#failed = undefined;
      this.#painter ??= this.#paints();
      this.#begun = true;
      this.#surface = this.surface(port, { shared: this.#shared, root: this.#frame.root, locale }, { paint: this.#picture, event: this.#told, stopped: this.#halt });
      this.opened();
      this.#first?.hand(this.#send);
      this.#first = undefined;
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
    clearTimeout(this.#look);
    this.#off?.();
    this.#off = undefined;
    this.#surface?.close();
    this.#shared?.leave();
    this.#surface = this.#shared = this.#port = this.#key = this.#path = undefined;
  }

  #paints() { return new Painter(this.#frame.root, this.#send, { routing: false, base: () => this.#shared?.options.apiUrl ?? '', lend: this.#lend }); }

  // lend has others paint where the core leaves them a place.
  #lend = (place, name) => {
    const { lang } = this.#frame.holder, shared = this.#shared;
    if (name === 'dry') return new DryPart(place, { ask: shared?.ask, lang });
    const of = {
      ask: shared.ask, go: (path) => this.act(`navigate:${path}`), lang, base: () => shared.options.apiUrl, verify: { apiUrl: shared.options.apiUrl },
      hear: (f) => { const off = this.#port?.on(f), quiet = shared.listen(); return () => { off?.(); quiet(); }; },
    };
    switch (name) {
      case 'vault': return placed(place, { load: () => whenOffered('vault'), name: 'VaultPart', ...of });
      case 'send': return placed(place, { load: () => whenOffered('send'), name: 'SendPart', ...of });
      case 'providers': return placed(place, { load: async () => ({ RecordPart }), name: 'RecordPart', ...of });
      case 'sending': return placed(place, { load: async () => ({ SendingPart }), name: 'SendingPart', ...of });
      case 'receive': return isOffered('send') ? placed(place, { load: () => whenOffered('send'), name: 'ReceivePart', ...of }) : undefined;
      case 'books': return isOffered('send') ? placed(place, { load: () => whenOffered('send'), name: 'BooksPart', ...of }) : undefined;
      default: return undefined;
    }
  };

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
    if (action !== 'loader:retry') return this.#surface ? this.act(action, value) : this.#first?.keep(action, value);
    this.#stopped = -Infinity;
    this.#failed = this.#key = undefined;
    this.#waits();
    this.changed('retry');
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
    told ||= this.#failed?.code === known.code && this.#failed.message === known.message;
    this.#failed = known;
    this.#first = undefined;
    this.#paint(failurePicture(known));
    if (known.code === 'GATEWAY_UNREACHABLE') this.#look = setTimeout(() => { this.#key = undefined; this.changed('retry'); }, LOOK);
    if (!told) this.tell('error', known);
  }
}

const FORM = { amount: 'amount', currency: 'fiat', asset: 'asset', method: 'method', country: 'country', account: 'account' };

// Formed is an element with the form: attributes fill it in.
class Formed extends CountersignElement {
  static observedAttributes = [...super.observedAttributes, ...Object.keys(FORM)];

  get value() { return Object.fromEntries(Object.keys(FORM).map((name) => [name, this[name]])); }
  set value(v) {
    if (typeof v !== 'object') return void this.refuse(fail('PROP_INVALID', 'value is not an object', { field: 'value', remedy: 'Set value to { amount, currency, asset, method, country }.' }));
    for (const name of Object.keys(FORM)) this[name] = v?.[name];
  }

  get form() { return Object.fromEntries(Object.entries(FORM).map(([name, field]) => [field, this[name].slice(0, 128)])); }

  opened() { if (this.hasAttribute('hold')) this.act('buy.hold'); }

  // A field that the page changes is what a person would type.
  attributeChangedCallback(name, was, now) {
    if (name in FORM) { if (was !== now) this.act(`buy.field:${FORM[name]}`, now ?? ''); } else super.attributeChangedCallback(name, was, now);
  }
}
reflected(Formed, Object.keys(FORM));

/** <countersign-quotes>: the form and the prices. */
export class CountersignQuotes extends Formed {
  static kind = 'quotes';
  get about() { return 'quotes'; }
  get early() { return { name: 'quotes', form: this.form }; }
  opening() { return { kind: 'quotes', form: this.form }; }
}

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

const OFFERED = ['vault', 'send']; // screens that a page has when it imports them

/** <countersign-app>: all of it, with its own navigation in memory. */
export class CountersignApp extends Formed {
  static kind = 'app';
  static observedAttributes = [...super.observedAttributes, 'chrome', ...OFFERED];
  #has(name) { return this.hasAttribute(name) || isOffered(name); }
  get about() { return `app ${this.chrome} ${OFFERED.map((name) => this.#has(name))}`; }
  get early() { return { name: this.chrome === 'none' ? 'app bare' : 'app', form: this.form, without: OFFERED.filter((name) => !this.#has(name)).map((name) => `/${name}`) }; }
  opening() { // with the form as it was left, unless the page fills it in
    const form = Object.values(this.value).some(Boolean) && { form: this.form };
    return { kind: 'app', path: '/buy', inside: true, ...(this.chrome === 'none' && { bare: true }), ...(!this.#has('vault') && { no_vault: true }), ...(!this.#has('send') && { no_send: true }), ...form };
  }
  /** navigate shows a screen: "/requests", "/orders/ord_…". */
  navigate(route) { this.act(`navigate:${route}`); }
}
reflected(CountersignApp, ['chrome', ...OFFERED]);

const ALL = {
  provider: CountersignProvider, quotes: CountersignQuotes, approve: CountersignApprove, requests: CountersignRequests,
  order: CountersignOrder, 'bridge-status': CountersignBridgeStatus, app: CountersignApp,
};

/** define registers the elements, as <PREFIX-quotes> and so on. */
export function define({ prefix = 'countersign' } = {}) { register(ALL, prefix); }

/** register registers elements under a prefix, unless another version has one of the names. */
export function register(elements, prefix) {
  if (!globalThis.customElements) return;
  for (const name of Object.keys(elements)) {
    const there = customElements.get(`${prefix}-${name}`);
    if (there && there.version !== version) {
      throw fail('VERSION_CONFLICT', `<${prefix}-${name}> is of version ${there.version ?? 'unknown'}, this is ${version}`, { field: 'prefix' });
    }
  }
  for (const [name, type] of Object.entries(elements)) {
    if (!customElements.get(`${prefix}-${name}`)) customElements.define(`${prefix}-${name}`, prefix === 'countersign' ? type : class extends type {});
  }
}

try { define(); } catch (e) { console.warn(e.message, e.remedy); } // such a page calls define({ prefix })
