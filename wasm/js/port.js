// One running core. JavaScript owns promises and callbacks and names them by numbers;
// the core gets messages and answers with messages, one string for many in each
// direction (port.d.ts), so nothing that a page's callback does reaches it.

import { CountersignError, fail } from './errors.js';
import { host } from './host.js';
import { Go, run } from './wasm_exec.js'; // generated from that of the Go release that built the core

// guard calls what belongs to the page: an exception is the page's, and told as such.
export function guard(f, ...args) {
  try { f?.(...args); } catch (e) { reportError(e); }
}

export class Port {
  #exports; #stopped; #next = 1; #calls = new Map(); #surfaces = new Map(); #listeners = new Set(); #frame = false;
  #out = []; #life = new AbortController(); #last = new Map();

  // start runs a fresh instance. settings are those of wasm/internal/port; lend is
  // { token, fetch }; stopped(error) is told when the core stops on its own.
  static async start(module, settings, lend, stopped) {
    const go = new Go();
    const instance = await WebAssembly.instantiate(module, go.importObject);
    const port = new Port(), before = globalThis.countersignReady;
    let exports;
    globalThis.countersignReady = (table) => { exports = table; }; // main calls it before it blocks
    let running;
    try { running = run(go, instance); } finally { globalThis.countersignReady = before; }
    if (!exports) throw fail('START_FAILED', 'the core did not hand over its exports');
    running.then(() => port.#crash(new Error('the core exited'), stopped), (e) => port.#crash(e, stopped));
    port.#exports = exports;
    const wrong = exports.start(JSON.stringify(settings), host({ ...lend, post: (messages) => port.#take(messages) }));
    if (wrong) throw fail('START_FAILED', wrong);
    port.#watch();
    return port;
  }

  // call asks the core; step is told how it goes. A signal cancels it.
  call(name, args = {}, { signal, step } = {}) {
    if (this.#stopped) return Promise.reject(this.#stopped);
    if (signal?.aborted) return Promise.reject(signal.reason);
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const cancel = () => { this.#calls.delete(id); this.#send({ cancel: id }); reject(signal.reason); };
      const done = (f) => (v) => { signal?.removeEventListener('abort', cancel); f(v); };
      signal?.addEventListener('abort', cancel, { once: true });
      this.#calls.set(id, { name, step, resolve: done(resolve), reject: done(reject) });
      this.#send({ id, call: name, args });
    });
  }

  // surface opens one part of the page. paint gets pictures, event what is told.
  surface(open, { paint, event, stopped }) {
    const surface = this.#next++;
    this.#surfaces.set(surface, { paint, event, stopped });
    this.#send({ surface, open });
    return {
      act: (action, value) => this.#send({ surface, act: [action, value] }),
      close: () => { if (this.#surfaces.delete(surface)) this.#send({ surface, close: true }); },
    };
  }

  // on tells f(type, detail) what the core tells, and at once the last of each type.
  on(f) {
    this.#listeners.add(f);
    for (const [type, detail] of this.#last) guard(f, type, detail);
    return () => this.#listeners.delete(f);
  }

  get stopped() { return this.#stopped; }

  // stop ends the core. Calls that have not ended fail.
  stop() {
    const exports = this.#exports;
    this.#end(fail('CORE_STOPPED', 'The core was stopped'));
    try { exports?.stop(); } catch { /* it is going away */ }
  }

  #send(message) {
    if (this.#stopped) return;
    if (this.#out.push(message) === 1) queueMicrotask(() => this.#flush());
  }

  #flush() {
    const exports = this.#exports, messages = JSON.stringify(this.#out.splice(0));
    if (this.#stopped) return;
    let wrong;
    try { wrong = exports.send(messages); } catch { return; } // it has exited: the run's promise tells
    if (wrong) console.error('countersign: the core did not understand', wrong);
  }

  #take(messages) {
    for (const m of JSON.parse(messages)) {
      if (m.frame) this.#plan();
      else if (m.surface) this.#show(m);
      else if (m.event) this.#tell(m.event, m.detail);
      else this.#answer(m);
    }
  }

  #answer({ id, ok, error, step }) {
    const call = this.#calls.get(id);
    if (!call) return;
    if (step !== undefined) return guard(call.step, step);
    this.#calls.delete(id);
    if (error) call.reject(problem(error, call.name)); else call.resolve(ok);
  }

  #show({ surface, picture, event, detail }) {
    const shown = this.#surfaces.get(surface);
    if (picture) guard(shown?.paint, picture); else guard(shown?.event, event, detail);
  }

  #tell(type, detail) {
    if (type !== 'change') this.#last.set(type, detail);
    for (const f of this.#listeners) guard(f, type, detail);
  }

  // plan asks for an animation frame, or for a moment when the browser draws none.
  #plan() {
    this.#frame = true;
    const come = () => {
      if (!this.#frame) return;
      this.#frame = false;
      this.#send({ frame: true });
    };
    requestAnimationFrame(come);
    setTimeout(come, 200);
  }

  #watch() {
    const on = (target, type, life) => target.addEventListener(type, () => this.#send({ life: life() }), { signal: this.#life.signal });
    const shown = () => (document.hidden ? 'hidden' : 'shown');
    on(document, 'visibilitychange', shown);
    on(window, 'pageshow', shown);
    on(window, 'online', () => 'online');
    on(window, 'offline', () => 'offline');
    window.addEventListener('pagehide', () => { this.#send({ life: 'leave' }); this.#flush(); }, { signal: this.#life.signal });
    if (document.hidden) this.#send({ life: 'hidden' });
  }

  #crash(cause, stopped) {
    if (this.#stopped) return;
    const error = fail('CORE_STOPPED', 'The core stopped unexpectedly', { cause, done: 'unknown' });
    this.#end(error, stopped);
  }

  #end(error, stopped) {
    if (this.#stopped) return;
    this.#stopped = error;
    this.#exports = undefined;
    this.#life.abort();
    guard(stopped, error); // before those who would begin again
    for (const call of this.#calls.values()) call.reject(error);
    for (const s of this.#surfaces.values()) guard(s.stopped, error);
    for (const f of this.#listeners) guard(f, 'stopped', error);
    this.#calls.clear();
    this.#surfaces.clear();
    this.#listeners.clear();
  }
}

const NAMES = { AUTHENTICATION_ERROR: 'TOKEN_REFUSED', QUOTE_CHANGED: 'PRICE_WORSE', UNAVAILABLE: 'GATEWAY_UNREACHABLE' };
const WRITES = new Set(['makeRequest', 'makeOrder', 'makeTicket']);
const OPEN = new Set(['UNAVAILABLE', 'TIMEOUT', 'CANCELLED', 'INTERNAL_ERROR']); // whether it happened
const BEFORE = new Set(['ALREADY_APPROVED', 'DEPOSIT_SEEN', 'TICKET_SPENT']); // it has happened already

// problem is an error of the core as the page gets it. call is what was asked for.
export function problem({ code, message, remedy, details = {} }, call) {
  const why = details.problem;
  const name = why === 'not a gateway' ? 'NOT_A_GATEWAY'
    : why && !why.includes('refused') ? `BRIDGE_${why.replaceAll(' ', '_').toUpperCase()}` : NAMES[code] ?? code;
  let done = BEFORE.has(code) ? 'sent' : 'nothing';
  if (details.unknown || (WRITES.has(call) && OPEN.has(code))) done = 'unknown';
  const after = Number(details.retry_after);
  return new CountersignError(name, message, {
    remedy: remedy || undefined, done, requestId: details.request_id, field: details.field, retryAfter: Number.isFinite(after) ? after : undefined,
  });
}
