// <countersign-send>: a form that asks for a transfer. It is a module of its own, for the pages that
// show it.

import { BooksPart } from './bookspart.js';
import { reflected } from './connected.js';
import { CountersignElement, register } from './elements.js';
import { offer } from './place.js';
import { ReceivePart } from './receivepart.js';
import { SendPart } from './sendpart.js';
import { purchaseOf } from './shapes.js';

const FILLS = ['account', 'asset', 'to', 'amount', 'purpose', 'reference'];

/** <countersign-send account="acc_treasury">: the attributes fill the form in; it dispatches countersign-requested. */
export class CountersignSend extends CountersignElement {
  static kind = 'send';
  static observedAttributes = [...super.observedAttributes, ...FILLS];
  #part;

  get about() { return 'send'; }

  surface(port, { shared, root, locale }, { stopped }) {
    const part = this.#part = new SendPart(root, { ask: shared.ask, go: this.#go, lang: locale, made: (request) => {
      if (shared.news.shows('requested', request)) this.tell('requested', purchaseOf(request));
      shared.news.tell('requested', request);
    } });
    const off = port.on((type, detail) => (type === 'stopped' ? stopped(detail) : part.hear(type, detail))), quiet = shared.listen();
    part.fill(Object.fromEntries(FILLS.map((name) => [name, this[name]])));
    return { act() {}, close: () => { off(); quiet(); part.stop(); this.#part = undefined; } };
  }

  // A field that the page changes is what a person would type.
  attributeChangedCallback(name, was, now) {
    if (!FILLS.includes(name)) super.attributeChangedCallback(name, was, now);
    else if (was !== now) this.#part?.fill({ [name]: now ?? '' });
  }

  #go = (path) => {
    const request = /^\/requests\/(\w+)$/.exec(path)?.[1];
    if (request) this.tell('selected', { request }); else this.tell('navigated', { route: path });
  };
}
reflected(CountersignSend, FILLS);
offer('send', { SendPart, ReceivePart, BooksPart }); // to <countersign-app>

/** define registers it, as <PREFIX-send>. */
export function define({ prefix = 'countersign' } = {}) { register({ send: CountersignSend }, prefix); }

try { define(); } catch (e) { console.warn(e.message, e.remedy); } // such a page calls define({ prefix })
