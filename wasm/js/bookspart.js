// The books of an account in one element: the chart of its balance, and its statement to take away. Loaded when somebody opens an
// account, by the dashboard and by <countersign-app>.

import { fileOf, pathOf, period } from './books.js';
import { booksPicture } from './booksview.js';
import { ours } from './errors.js';
import { Painter } from './painter.js';
import { save } from './save.js';

const PAUSE = 500; // ms after a change in which more may come

export class BooksPart {
  #painter; #ask; #account = ''; #life = new AbortController(); #asked; #timer;
  #s = { lang: '', draft: { choice: 'month', from: '', last: '', format: 'zip', asset: '' }, statement: {}, days: {}, names: {}, busy: false, failed: undefined };

  constructor(root, { ask, lang = '' }) {
    this.#ask = (path, o) => ask(path, { signal: this.#life.signal, ...o });
    this.#s.lang = lang;
    this.#painter = new Painter(root, this.#act, { routing: false, lend: (place) => ({ show: (said) => place.replaceChildren(drawn(JSON.parse(said))), stop() {} }) });
  }

  stop() {
    clearTimeout(this.#timer);
    this.#life.abort();
    this.#painter.stop();
  }

  /** show shows the books of "ACCOUNT". */
  show(at) {
    if (at === this.#account) return;
    this.#account = at;
    this.#s.statement = {};
    this.#read();
    this.#name();
  }

  /** hear is told what changed (shared/spec/wire.md, GET /v1/events). */
  hear(type, detail) {
    if (type !== 'listening' && !(type === 'change' && detail.what === 'account' && detail.id === this.#account)) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#read(), PAUSE);
  }

  // days are those of the period, as it is now.
  #days() {
    const now = new Date(), days = period(this.#s.draft, now);
    this.#s.days = { ...days, open: days.to > now.toISOString().slice(0, 10) };
    return this.#s.days;
  }

  #query(days, more = {}) { return `/v1/accounts/${this.#account}/statements?${new URLSearchParams({ from: days.from, to: days.to, ...more })}`; }

  async #read() {
    const s = this.#s, days = this.#days();
    this.#asked?.abort();
    const asked = this.#asked = new AbortController(), signal = AbortSignal.any([asked.signal, this.#life.signal]);
    this.#paint();
    if (days.wrong) return;
    try {
      s.statement = { value: await this.#ask(this.#query(days), { signal }) };
    } catch (e) {
      if (signal.aborted) return;
      s.statement = { ...s.statement, error: ours(e, 'The page could not show it') };
    }
    this.#paint();
  }

  // name learns what assets are called.
  async #name() {
    try {
      const { chains } = await this.#ask('/v1/vault');
      this.#s.names = Object.fromEntries(chains.flatMap((c) => c.assets ?? []).map((a) => [a.id, a]));
      this.#paint();
    } catch { /* they are shown by their ids */ }
  }

  async #save() {
    const s = this.#s, days = this.#days(), { format } = s.draft;
    if (s.busy || days.wrong) return;
    Object.assign(s, { busy: true, failed: undefined });
    this.#paint();
    try {
      save({ name: fileOf(this.#account, days, format), text: await this.#ask(this.#query(days, { format }), { bytes: true }), type: 'application/octet-stream' });
    } catch (e) {
      if (this.#life.signal.aborted) return;
      s.failed = ours(e, 'The page could not show it');
    }
    s.busy = false;
    this.#paint();
  }

  #act = (action, value) => {
    const { draft } = this.#s, [name, path] = action.split(':');
    if (name === 'again') return this.#read();
    if (name === 'b.save') return this.#save();
    if (name !== 'set' || !(path in draft)) return undefined;
    draft[path] = value;
    if (path === 'choice' && value === 'own' && !draft.from) {
      const { from, last } = this.#s.days;
      Object.assign(draft, { from: from ?? '', last: last ?? '' });
    }
    return ['choice', 'from', 'last'].includes(path) ? this.#read() : this.#paint();
  };

  #paint() { this.#painter.paint({ tree: booksPicture(this.#s), announce: '' }); }
}


const WIDTH = 640, HEIGHT = 120;

// drawn is the line as a picture. What it says stands beside it in words, and in the table.
function drawn({ said, ...line }) {
  const made = (name, attributes) => {
    const e = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
    return e;
  };
  const svg = made('svg', { class: 'line', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': said });
  const path = pathOf(line, WIDTH, HEIGHT), zero = (HEIGHT - (0 - line.low) / (line.high - line.low || 1) * HEIGHT).toFixed(1);
  svg.append(made('path', { class: 'line-area', d: `${path}V${zero}H0Z` }), made('path', { class: 'line-zero', d: `M0 ${zero}H${WIDTH}` }), made('path', { class: 'line-path', d: path }));
  return svg;
}
