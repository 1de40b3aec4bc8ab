// The loader: fetches the core, starts it, shows what happens until it runs, and
// starts it again when it stops on its own. What it shows goes through the same
// painter as everything else.

import { Go, run } from './wasm_exec.js'; // generated from that of the Go release that built the core
import { ahead } from './ahead.js';
import { acting, change } from './entity.js';
import { CountersignError, fail } from './errors.js';
import { host } from './host.js';
import { compile } from './load.js';
import { Painter } from './painter.js';
import { apply } from './theme.js';

const SLOW = 8_000; // after this the page says that it is slow
const AGAIN = 60_000; // a second crash within this time waits for the person

export class CountersignApp extends HTMLElement {
  #run;
  start(config, options) {
    this.stop();
    this.#run = new Run(this, config, options);
    return this.#run.begin();
  }

  stop() { this.#run?.end(); this.#run = undefined; }
  disconnectedCallback() { this.stop(); }
}
if (!customElements.get('countersign-app')) customElements.define('countersign-app', CountersignApp);

export const mount = (element, config, options) => element.start(config, options);

class Run {
  #element; #config; #options; #painter; #exports; #loading; #failed = false; #ended = false; #first = true; #crashed = -Infinity;

  constructor(element, config, options = {}) {
    this.#element = element;
    this.#config = typeof config === 'function' ? config : async () => config;
    this.#options = options;
    this.#painter = new Painter(element, this.#send, { routing: options.routing !== false });
  }

  async begin() {
    try {
      this.#failed = false;
      const loading = (this.#loading ??= this.#load());
      loading.catch(() => { this.#loading = undefined; }); // the next attempt loads again
      const config = acting(await this.#config());
      if (config.theme) apply(this.#element, config.theme);
      const early = ahead(config);
      await this.#start(await loading, config, early);
    } catch (e) {
      if (this.#ended) return;
      this.#failed = true;
      console.error(e);
      this.#painter.paint(failurePicture(e instanceof CountersignError ? e : fail('START_FAILED', e.message, { cause: e })));
    }
  }

  end() {
    this.#ended = true;
    try { this.#exports?.stop(); } catch { /* it is going away */ }
    this.#painter.stop();
  }

  // load tells how loading goes while it does.
  async #load() {
    const say = (text) => { if (!this.#failed) this.#say(text); };
    const timers = [setTimeout(say, 300, 'loading'), setTimeout(say, SLOW, 'still loading: the connection is slow')];
    try {
      return await compile({ wasmURL: this.#options.wasmURL ?? new URL('./countersign.wasm', import.meta.url) });
    } finally {
      timers.forEach(clearTimeout);
    }
  }

  // say tells how loading goes: in the page that waits for the core, where there is
  // one with a place for it, else in a picture.
  #say(text) {
    const line = this.#element.querySelector('[data-loading]');
    if (!line) this.#painter.paint(loadingPicture(`Countersign: ${text}`));
    else if (line.textContent !== text) line.textContent = text;
  }

  // start runs a fresh instance. main() hands its exports over before it blocks.
  async #start(module, config, fetch) {
    const go = new Go();
    const instance = await WebAssembly.instantiate(module, go.importObject);
    if (this.#ended) return;
    const before = globalThis.countersignReady;
    let exports;
    globalThis.countersignReady = (table) => { exports = table; };
    const running = run(go, instance);
    globalThis.countersignReady = before;
    if (!exports) throw fail('START_FAILED', 'the core did not hand over its exports');
    this.#exports = exports;
    running.then(() => this.#crash(exports, new Error('the core exited')), (e) => this.#crash(exports, e));
    exports.start(config, host((picture) => {
      if (this.#exports !== exports) return;
      this.#painter.paint(picture);
      if (this.#first) { this.#first = false; performance.mark('countersign:picture'); } // for measuring the start
    }, fetch, (id) => change(id, this.#options.routing !== false)));
  }

  #send = (action, value) => {
    if (action === 'loader:retry') { this.#crashed = -Infinity; this.begin(); return; }
    const exports = this.#exports;
    if (!exports || this.#ended) return;
    try {
      exports.dispatch(action, value);
    } catch (e) {
      this.#crash(exports, e);
    }
  };

  #crash(exports, error) {
    if (this.#ended || this.#exports !== exports) return;
    this.#exports = undefined;
    console.error('countersign: the core stopped', error);
    this.#options.panicHandler?.(error);
    const again = performance.now() - this.#crashed < AGAIN;
    this.#crashed = performance.now();
    if (again) this.#painter.paint(failurePicture(fail('CORE_STOPPED', error.message)));
    else this.begin();
  }
}

const SAID = {
  WEBASSEMBLY_MISSING: ['This browser has WebAssembly switched off', 'Countersign needs it to run. Nothing was loaded and nothing was sent. Use a current browser, or allow WebAssembly for this page.'],
  CORE_UNREACHABLE: ['The page could not be loaded completely', 'The connection broke off or the server did not answer. Nothing was sent or changed. Check the connection and try again.'],
  CSP_BLOCKS_WASM: ['The page does not let its program start', "The page's content security policy lacks 'wasm-unsafe-eval'. Nothing was sent or changed. Tell whoever runs this page."],
  CORE_DAMAGED: ['What was loaded is damaged', 'The program did not arrive as it was sent, so it was not started. Nothing was sent or changed. Try again; if it stays like this, tell whoever runs this page.'],
  START_FAILED: ['The page could not start', 'Nothing was sent or changed. Try again, or reload the page.'],
  CORE_STOPPED: ['The page stopped unexpectedly', 'It stopped twice in a minute, so it was not started again by itself. What was already approved or ordered is safe on the server; nothing is sent twice.'],
  CONFIG_FAILED: ['The server does not answer', 'The page could not read how to sign in. Nothing was sent or changed. Try again in a moment.'],
};

SAID.CORE_NOT_SERVED = SAID.CORE_UNREACHABLE;

function failurePicture({ code, message }) {
  const [title, text] = SAID[code] ?? SAID.START_FAILED;
  return JSON.stringify({
    announce: title,
    tree: ['main', { class: 'loader', key: 'failure' }, [
      ['span', { class: 'brand-mark' }],
      ['div', { class: 'notice is-negative', role: 'group' }, [
        ['icon', { name: 'alert' }],
        ['div', { class: 'notice-body' }, [
          ['h1', { class: 'notice-title' }, [title]],
          ['p', {}, [text]],
          ['p', { class: 'code' }, [`${code}: ${message}`]],
          ['div', { class: 'notice-actions' }, [['button', { class: 'button', on: { click: 'loader:retry' }, focus: true }, [['icon', { name: 'refresh' }], 'Try again']]]],
        ]],
      ]],
    ]],
  });
}

function loadingPicture(text) {
  return JSON.stringify({
    tree: ['main', { class: 'loader', key: 'loading' }, [
      ['span', { class: 'brand-mark' }],
      ['p', {}, [text]],
      ['progress', { class: 'progress', 'aria-label': 'Loading' }],
    ]],
  });
}
