// What a provider promised, and what arrived, order by order. Loaded when somebody opens it.

import { ours } from './errors.js';
import { Painter } from './painter.js';
import { pathOf } from './record.js';
import { recordPicture } from './recordview.js';

export class RecordPart {
  #painter; #ask; #life = new AbortController(); #reads = 0;
  #s = { at: '', lang: '', providers: {}, vault: {}, history: {}, busy: false };

  // root is painted into; ask is that of ask.js; go(path) leads to another screen.
  constructor(root, { ask, go, lang = '' }) {
    this.#ask = (path) => ask(path, { signal: this.#life.signal });
    this.#s.lang = lang;
    this.#painter = new Painter(root, (action) => {
      if (action.startsWith('navigate:')) go(action.slice(9));
      if (action === 'again') this.#read();
      if (action === 'more') this.#more();
    }, { routing: false });
  }

  stop() {
    this.#life.abort();
    this.#painter.stop();
  }

  /** show shows the record of a provider, by its id, or all providers. */
  show(at) {
    Object.assign(this.#s, { at, history: {}, busy: false });
    this.#read();
    this.#paint();
  }

  /** hear is told what changed (shared/spec/wire.md, GET /v1/events), and that the stream began again. */
  hear(type, detail) { if (type === 'listening' && detail || type === 'change' && detail.what === 'order') this.#read(); }

  async #read() {
    const s = this.#s, n = ++this.#reads, { at } = s;
    const get = async (name, path) => {
      try { s[name] = { value: await this.#ask(path) }; } catch (e) { if (n === this.#reads) s[name] = { ...s[name], error: ours(e, 'The page could not show it') }; }
      if (n === this.#reads) this.#paint();
    };
    await Promise.all([get('providers', '/v1/providers'), at && get('vault', '/v1/vault'), at && get('history', pathOf(at))]);
  }

  // more reads the orders before the last one that is shown.
  async #more() {
    const s = this.#s, { value } = s.history, n = this.#reads;
    if (s.busy || !value?.next_cursor) return;
    s.busy = true;
    this.#paint();
    try {
      const next = await this.#ask(pathOf(s.at, value.next_cursor));
      if (n === this.#reads) s.history = { value: { ...next, items: [...value.items, ...next.items] } };
    } catch (e) { if (n === this.#reads) s.history = { value, error: ours(e, 'The page could not show it') }; }
    if (n === this.#reads) s.busy = false;
    this.#paint();
  }

  #paint() { if (!this.#life.signal.aborted) this.#painter.paint({ tree: recordPicture(this.#s) }); }
}
