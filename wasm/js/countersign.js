// The dashboard as a whole page: it fetches the core, starts it, shows what happens
// until it runs, and starts it again when it stops on its own. What it shows goes
// through the same painter as everything else.

import { ahead } from './ahead.js';
import { asker } from './ask.js';
import { DryPart } from './drypart.js';
import { Early } from './early.js';
import { acting, change } from './entity.js';
import { fail, isOurs } from './errors.js';
import { compile } from './load.js';
import { Painter } from './painter.js';
import { placed } from './place.js';
import { Port, guard } from './port.js';
import { save } from './save.js';
import { apply } from './theme.js';
import { endpoint, tokens } from './token.js';
import { failurePicture, leave, loadingPicture } from './waiting.js';

const SLOW = 8_000; // after this the page says that it is slow
const AGAIN = 60_000; // a second crash within this time waits for the person

// mount runs the dashboard in an element until the answer's stop() is called. The answer is a promise that is broken with
// what keeps it from running, which the element shows too.
export function mount(element, config, options) {
  const run = new Run(element, config, options);
  return Object.assign(run.begin(), { stop: () => run.end() });
}

class Run {
  #element; #config; #options; #painter; #early; #port; #surface; #gateway; #loading; #failed = false; #ended = false; #first = true; #phase = 'still loading'; #pressed = false; #crashed = -Infinity; #token; #running; #runs; #listeners = new Set();

  constructor(element, config, options = {}) {
    this.#element = element;
    this.#config = typeof config === 'function' ? config : async () => config;
    this.#options = options;
    this.#running = new Promise((resolve) => { this.#runs = resolve; });
    this.#painter = new Painter(element, this.#send, { routing: options.routing !== false, base: () => this.#gateway ?? '', lend: this.#lend });
    this.#early = new Early(options.first, this.#painter);
  }

  async begin() {
    try {
      if (this.#first || this.#failed) this.#early.show(location.pathname);
      this.#failed = false;
      const loading = (this.#loading ??= this.#load());
      loading.catch(() => { this.#loading = undefined; }); // the next attempt loads again
      const config = acting(await this.#config());
      if (config.theme) apply(this.#element, config.theme);
      const token = tokens({ getAccessToken: endpoint(config.token_url) }), fetch = ahead(token, config.gateway_url);
      await this.#start(await loading, config, { token, fetch });
      await fetch.judged;
    } catch (e) {
      if (this.#ended) return;
      const known = isOurs(e) ? e : fail('START_FAILED', e.message, { cause: e });
      this.#failed = true;
      this.#port?.stop();
      this.#port = this.#surface = undefined;
      this.#painter.paint(failurePicture(known, true));
      throw known;
    }
  }

  // again begins once more: what fails is on screen.
  #again() { this.begin().catch((e) => console.error(e)); }

  end() {
    this.#ended = true;
    this.#port?.stop();
    this.#painter.stop();
  }

  // load tells how loading goes while it does.
  async #load() {
    const say = (text) => { this.#phase = text; if (!this.#failed) this.#say(); };
    const timers = [setTimeout(say, 300, 'loading'), setTimeout(say, SLOW, 'still loading: the connection is slow')];
    try {
      return await compile({ wasmURL: this.#options.wasmURL ?? new URL('./countersign.wasm', import.meta.url) });
    } finally {
      timers.forEach(clearTimeout);
    }
  }

  // say tells how loading goes, and that a press is kept: in the page that waits for the
  // core, where there is one with a place for it, else in a picture.
  #say() {
    const text = this.#phase + (this.#pressed ? '; what you pressed comes next' : '');
    const line = this.#element.querySelector('[data-loading]');
    if (!line && this.#early.shown) return;
    if (!line) this.#painter.paint(loadingPicture(`Countersign: ${text}`));
    else if (line.textContent !== text) line.textContent = text;
  }

  async #start(module, config, lend) {
    const port = await Port.start(module, settings(config), lend, (error) => this.#crash(error));
    if (this.#ended) return port.stop();
    this.#port = port;
    this.#gateway = config.gateway_url ?? '';
    this.#token = lend.token;
    this.#runs(asker(this.#gateway, { token: () => this.#token.now(), renew: () => this.#port?.call('renew') }));
    port.on((type, detail) => { for (const f of this.#listeners) f(type, detail); });
    this.#surface = port.surface({ kind: 'app', path: location.pathname + location.search }, { paint: this.#paint, event: this.#told });
    this.#early.hand(this.#send);
  }

  // lend has others paint where the core leaves them a place, in the browser's language as the core does.
  #lend = (place, name) => {
    if (name === 'dry') return new DryPart(place, { ask: this.#running });
    const of = { ask: this.#running, hear: this.#hear, go: (path) => this.#send(`navigate:${path}`, '') }, { vault, send, record, verifyURL } = this.#options;
    if (name === 'vault') return vault && placed(place, { load: vault, name: 'VaultPart', ...of, base: () => this.#gateway, verify: { verifyURL } });
    if (name === 'providers') return record && placed(place, { load: record, name: 'RecordPart', ...of });
    return send && PARTS[name] && placed(place, { load: send, name: PARTS[name], ...of });
  };

  // hear listens to this core, and to the next one when it stopped.
  #hear = (f) => {
    this.#listeners.add(f);
    return () => this.#listeners.delete(f);
  };

  #paint = (picture) => {
    this.#painter.paint(picture);
    if (this.#first) { this.#first = false; performance.mark('countersign:picture'); } // for measuring the start
  };

  #told = (event, detail) => {
    if (event === 'open') leave(detail, this.#gateway); // the page shows the link too
    if (event === 'save') save(detail);
    if (event === 'reload') location.reload();
    if (event === 'entity') change(detail, this.#options.routing !== false);
  };

  #send = (action, value) => {
    if (action === 'loader:retry') { this.#crashed = -Infinity; this.#again(); return; }
    if (this.#ended) return;
    if (this.#surface) this.#surface.act(action, value);
    else if (this.#early.keep(action, value) && !/^buy\.(field|stay)/.test(action)) { this.#pressed = true; this.#say(); }
  };

  #crash(error) {
    if (this.#ended) return;
    this.#port = this.#surface = undefined;
    console.error('countersign: the core stopped', error);
    guard(this.#options.panicHandler, error);
    const again = performance.now() - this.#crashed < AGAIN;
    this.#crashed = performance.now();
    if (again) this.#painter.paint(failurePicture(error, true));
    else this.#again();
  }
}

// PARTS are those of sendscreen.js, by the names of their places.
const PARTS = { send: 'SendPart', sending: 'SendingPart', receive: 'ReceivePart', books: 'BooksPart' };

// settings are the configuration as the core reads it.
export function settings({ environment, gateway_url = '', bridge_urls = [], user, entity = '', entities = [] }) {
  return {
    environment: String(environment ?? ''), gateway_url: gateway_url.replace(/\/+$/, ''), origin: location.origin, user: String(user?.name ?? ''), entity,
    bridge_urls: bridge_urls.slice(0, 4).map(String), entities: entities.map(({ id, name }) => ({ id: String(id), name: String(name) })),
  };
}
