// Beside the request of a transfer: to whom it goes, and how far its transaction is; of a message: its signature. It reads the request
// again when the gateway tells that it changed. Loaded when somebody opens such a request.

import { ours } from './errors.js';
import { Painter } from './painter.js';
import { Replacing } from './replacing.js';
import { assetOf } from './sendform.js';
import { OVER, saidOf, sendingPicture } from './sendingview.js';

const BLOCKS = 5_000; // ms: how many blocks came since, nothing tells

export class SendingPart {
  #root; #painter; #ask; #lang; #replacing; #focus; #id = ''; #life = new AbortController(); #timer; #said = ''; #vault = {}; #request = {}; #reading; #again = false;

  // root is painted into; ask is that of ask.js; go(path) leads to another screen.
  constructor(root, { ask, go, lang }) {
    this.#root = root;
    this.#lang = lang;
    this.#ask = (path, o) => ask(path, { signal: this.#life.signal, ...o });
    this.#replacing = new Replacing({ ask: this.#ask, lang, paint: (focus) => { this.#focus = focus; this.#paint(); }, made: ({ id }) => go(`/requests/${id}`) });
    this.#painter = new Painter(root, (action, value) => {
      const r = this.#request.value;
      if (action === 'again') this.#read();
      else if (action.startsWith('navigate:')) go(action.slice(9));
      else if (r) this.#replacing.act(action, value, r, this.#coin(r));
    }, { routing: false });
  }

  #coin({ intent: { chain, max_fee: { asset } } }) { return this.#vault.value ? assetOf(this.#vault.value, chain, asset) : { ticker: asset }; }

  stop() {
    clearTimeout(this.#timer);
    this.#life.abort();
    this.#replacing.stop();
    this.#painter.stop();
  }

  /** show shows that of a request, by its id. */
  show(id) {
    if (id === this.#id) return;
    this.#id = id;
    this.#replacing.stop();
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
      if (!signal.aborted && id === this.#id) this.#request = { ...this.#request, error: ours(e, 'The page could not show it') };
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
    this.#painter.paint({ tree: sendingPicture({ request: this.#request, vault: this.#vault, lang: this.#lang, replacing: this.#replacing.state }), announce: first ? '' : said });
    const focus = this.#focus;
    this.#focus = undefined;
    if (focus) (this.#root.querySelector(`#${focus} [aria-invalid]`) ?? this.#root.querySelector(`#${focus}`))?.focus(); // what is wrong, before all of it
  }
}
