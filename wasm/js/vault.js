// <countersign-vault>: what is in the vault, how it came to be, its log and its receipts. It
// is a module of its own, for the pages that show it.

import { reflected } from './connected.js';
import { CountersignElement, register } from './elements.js';
import { offer } from './place.js';
import { VaultPart } from './vaultpart.js';

/** <countersign-vault at="members">: it navigates in memory, and tells the page where it leads. */
export class CountersignVault extends CountersignElement {
  static kind = 'vault';
  static observedAttributes = [...super.observedAttributes, 'at', 'verify-url'];
  #part;

  get about() { return 'vault'; }

  surface(port, { shared, root, locale }, { stopped }) {
    const part = this.#part = new VaultPart(root, {
      ask: shared.ask, go: this.#go, lang: locale, base: () => shared.options.apiUrl, verify: { apiUrl: shared.options.apiUrl, verifyURL: this.verifyUrl || undefined },
    });
    const off = port.on((type, detail) => (type === 'stopped' ? stopped(detail) : part.hear(type, detail))), quiet = shared.listen();
    part.show(this.at);
    return { act() {}, close: () => { off(); quiet(); part.stop(); this.#part = undefined; } };
  }

  // In place: what was loaded stays.
  attributeChangedCallback(name, was, now) { if (name === 'at') this.#part?.show(now ?? ''); else super.attributeChangedCallback(name, was, now); }

  #go = (path) => {
    const request = /^\/requests\/(\w+)$/.exec(path)?.[1], here = /^\/vault(?:\/(\w+))?$/.exec(path);
    if (request) return this.tell('selected', { request });
    if (here) this.at = here[1] ?? '';
    this.tell('navigated', { route: path });
  };
}
reflected(CountersignVault, ['at', 'verify-url']);
offer('vault', { VaultPart }); // to <countersign-app>

/** define registers it, as <PREFIX-vault>. */
export function define({ prefix = 'countersign' } = {}) { register({ vault: CountersignVault }, prefix); }

try { define(); } catch (e) { console.warn(e.message, e.remedy); } // such a page calls define({ prefix })
