// Beside the request of a transfer: to whom it goes, and how far its transaction is; of a message: its signature. It reads the request
// again when the gateway tells that it changed. Loaded when somebody opens such a request.

import { fail, isOurs } from './errors.js';
import { Painter } from './painter.js';
import { OVER, saidOf, sendingPicture } from './sendingview.js';

const BLOCKS = 5_000; // ms: how many blocks came since, nothing tells

export class SendingPart {
  #painter; #ask; #lang; #id = ''; #life = new AbortController(); #timer; #said = ''; #vault = {}; #request = {}; #reading; #again = false;

  // root is painted into; ask is that of ask.js; go(path) leads to another screen.
  constructor(root, { ask, go, lang }) {
    this.#lang = lang;
    this.#ask = (path) => ask(path, { signal: this.#life.signal });
    this.#painter = new Painter(root, (action) => { if (action === 'again') this.#read(); else if (action.startsWith('navigate:')) go(action.slice(9)); }, { routing: false });
  }

  stop() {
    clearTimeout(this.#timer);
    this.#life.abort();
    this.#painter.stop();
  }

  /** show shows that of a request, by its id. */
  show(id) {
    if (id === this.#id) return;
    this.#id = id;
    this.#request = {};
    this.#said = '';
    this.#names();
    this.#read();
    this.#paint();
  }

  /** hear is told what changed (shared/spec/wire.md, GET /v1/events), and that the stream began again. */
  hear(type, detail) {
    if (type === 'listening' && detail || type === 'change' && detail.what === 'request' && detail.id === this.#id) this.#read();
    else if (type === 'change' && detail.what === 'entity') this.#names();
  }

  async #names() {
    try { this.#vault = { value: await this.#ask('/v1/vault') }; } catch { return; } // it is shown without names
    this.#paint();
  }

  // read reads the request; what changes meanwhile is read once more.
  async #read() {
    if (this.#reading) { this.#again = true; return; }
    this.#reading = true;
    clearTimeout(this.#timer);
    const id = this.#id, { signal } = this.#life;
    try {
      const value = await this.#ask(`/v1/requests/${id}`);
      if (id === this.#id) this.#request = { value };
    } catch (e) {
      if (!signal.aborted && id === this.#id) this.#request = { ...this.#request, error: isOurs(e) ? e : fail('INTERNAL_ERROR', 'The page could not show it', { cause: e }) };
    }
    this.#reading = false;
    if (signal.aborted) return;
    this.#paint();
    const { sending } = this.#request.value ?? {};
    if (this.#again || id !== this.#id) { this.#again = false; this.#read(); } else if (sending && !OVER.has(sending.state)) this.#timer = setTimeout(() => (document.hidden ? document.addEventListener('visibilitychange', () => this.#read(), { once: true, signal }) : this.#read()), BLOCKS);
  }

  #paint() {
    if (this.#life.signal.aborted) return;
    const said = saidOf(this.#request.value), first = this.#said === '';
    this.#said = said || ' ';
    this.#painter.paint({ tree: sendingPicture({ request: this.#request, vault: this.#vault, lang: this.#lang }), announce: first ? '' : said });
  }
}
