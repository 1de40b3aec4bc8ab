// What becomes of requests and orders: who listens is told each of it once, whether this
// page did it or someone else.

import { guard } from './port.js';
import { change, orderOf, purchaseOf } from './shapes.js';

// mark names one piece of news: each approval of a request is one.
const mark = (type, { id, step, approved }) => (type === 'approved' ? `${type} ${id} ${step}/${approved}` : `${type} ${id}`);

export class News {
  #gateway; #was = new Map(); #told = new Set(); #shown = new Set(); #listeners = new Set();

  constructor(gateway) { this.#gateway = gateway; }

  on(type, f) {
    const listener = { type, f };
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  // seen takes a request or an order as the gateway has it now. One that is new here is
  // news only when the gateway says that it changed just now.
  seen(wire, changed = false) {
    const was = this.#was.get(wire.id), type = was || changed ? change(wire, was) : '';
    if (type) this.tell(type, wire); else this.#keep(wire);
  }

  // tell tells what happened to it, unless that was told.
  tell(type, wire) {
    this.#keep(wire);
    if (!once(this.#told, mark(type, wire))) return;
    const detail = wire.promised ? orderOf({ ...wire, ticket: undefined }, this.#gateway) : purchaseOf(wire);
    for (const listener of [...this.#listeners]) if (listener.type === type) guard(listener.f, detail);
  }

  // keep remembers what change compares with, and no whole bodies: a page may see thousands.
  #keep({ id, state, step, approved }) { this.#was.set(id, { state, step, approved }); }

  // shows reports whether an element is the first of its page to tell this.
  shows(type, wire) { return once(this.#shown, mark(type, wire)); }
}

function once(set, name) {
  if (set.has(name)) return false;
  set.add(name);
  return true;
}
