// Speeding a transfer up, or cancelling it, from the page of its request: it keeps what is chosen, asks
// what it costs and who would decide, and makes the request.

import { edited } from './draft.js';
import { UNCLEAR, fail, ours } from './errors.js';
import { figure, regrouped } from './numbers.js';
import { blank, check, intentOf } from './replace.js';
import { placed } from './sendform.js';

const PAUSE = 400; // ms without another key before the vault is asked
const CANNOT = 'The page could not ask for it';

export class Replacing {
  #ask; #paint; #made; #lang; #asked; #timer; #asks;
  /** state is what is shown; undefined: nobody replaces anything. */
  state;

  // ask is that of ask.js; paint(focus) shows what changed, and focuses the element of an id; made(request) is told of the request; lang is the page's language.
  constructor({ ask, paint, made, lang = '' }) { this.#ask = ask; this.#paint = paint; this.#made = made; this.#lang = lang; }

  /** stop forgets what was chosen. */
  stop() {
    clearTimeout(this.#timer);
    this.#asked?.abort();
    this.state = this.#asks = undefined;
  }

  /** act does what is pressed or typed, of { id, intent } and what its fees are paid in; it reports whether that was about this. */
  act(action, value, of, coin) {
    const [name, arg, ...more] = action.split(':');
    switch (name) {
      case 'r.open': this.stop(); this.state = { draft: blank(arg), dry: {}, errors: [] }; this.#look(of, coin, 0); this.#paint('f-replace'); return true;
      case 'r.close': this.stop(); this.#paint(); return true;
      case 'r.again': this.state.failed = undefined; this.#look(of, coin, 0); this.#paint(); return true;
      case 'r.speed': this.#change({ ...this.state.draft, speed: arg }, of, coin); return true;
      case 'r.written': this.state.draft = { ...this.state.draft, fee: regrouped(this.state.draft.fee, this.#lang) }; this.#paint(); return true;
      case 'r.mean': this.#change({ ...this.state.draft, fee: regrouped(more[0], this.#lang) }, of, coin); return true;
      case 'r.send': this.#send(of, coin); return true;
      default:
    }
    const draft = this.state && edited(this.state.draft, action, value);
    if (draft) this.#change(draft, of, coin);
    return Boolean(draft);
  }

  #change(draft, of, coin) {
    const s = this.state;
    Object.assign(s, { draft, failed: undefined, errors: check(draft, s.cost, coin, false, this.#lang) });
    this.#look(of, coin, PAUSE);
    this.#paint();
  }

  // look asks what it costs and then who decides, a moment after the last key. What was asked before is cancelled.
  #look(of, coin, pause) {
    clearTimeout(this.#timer);
    this.#asked?.abort();
    const { signal } = this.#asked = new AbortController(), s = this.state;
    s.dry = { ...s.dry, busy: true };
    this.#timer = setTimeout(() => this.#run(of, coin, signal), pause);
  }

  async #run(of, coin, signal) {
    const s = this.state, { draft } = s;
    try {
      s.cost = await this.#ask(`/v1/requests/${of.id}/replace-cost?action=${draft.action}`, { signal });
    } catch (e) {
      if (signal.aborted) return;
      Object.assign(s, { failed: ours(e, CANNOT), dry: {} });
      return this.#paint();
    }
    s.errors = check(draft, s.cost, coin, false, this.#lang);
    const intent = check(draft, s.cost, coin, true).length === 0 && intentOf(draft, of, s.cost);
    s.dry = intent ? { ...s.dry, error: undefined, busy: true } : {};
    this.#paint();
    if (!intent) return;
    try {
      s.dry = { value: await this.#ask('/v1/requests', { signal, body: { intent }, headers: { 'Dry-Run': 'true' } }) };
    } catch (e) {
      if (signal.aborted) return;
      const error = ours(e, CANNOT), at = placed(error);
      Object.assign(s, at?.field === 'fee' ? { errors: [at], dry: {} } : { dry: { error } });
    }
    this.#paint();
  }

  // send asks for it in earnest. The same question has the same key, so that it is one request.
  async #send(of, coin) {
    const s = this.state;
    if (s.busy) return;
    s.errors = check(s.draft, s.cost, coin, true, this.#lang);
    const about = JSON.stringify({ ...s.draft, fee: figure(s.draft.fee) }); // however the fee is written
    if (this.#asks?.about !== about) {
      const intent = s.errors.length === 0 && intentOf(s.draft, of, s.cost);
      this.#asks = intent ? { about, intent, key: crypto.randomUUID() } : undefined;
    }
    if (s.errors.length > 0 || !this.#asks) {
      if (s.errors.length === 0) s.failed ??= fail('NOT_READY', 'What it costs is not known yet', { remedy: 'Wait a moment, then try again.' });
      return this.#paint('f-replace');
    }
    Object.assign(s, { busy: true, failed: undefined });
    this.#paint();
    try {
      const made = await this.#ask('/v1/requests', { body: { intent: this.#asks.intent }, headers: { 'Idempotency-Key': this.#asks.key } });
      if (this.state !== s) return;
      this.stop();
      this.#made(made);
    } catch (e) {
      if (this.state !== s) return;
      const error = ours(e, CANNOT), at = placed(error);
      if (!UNCLEAR.has(error.code)) this.#asks = undefined;
      Object.assign(s, { busy: false, failed: at?.field === 'fee' ? undefined : error, errors: at?.field === 'fee' ? [at] : [] });
      this.#paint('f-replace');
    }
  }
}
