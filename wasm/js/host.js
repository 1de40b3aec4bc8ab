// What the loader lends the core: the page's key, small values that survive a
// reload, and a look at programs on this computer.

import { loopback } from './loopback.js';
import { store, use } from './store.js';

let forOnce; // the key of a page that can keep none

// X25519 keys for the link to the bridge. The private half can be used by this
// origin and never read.
const link = {
  async generate() {
    const pair = await crypto.subtle.generateKey({ name: 'X25519' }, false, ['deriveBits']);
    return { privateKey: pair.privateKey, publicKey: new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey)) };
  },
  // static is this page's long-lived key. When two tabs make one at the same
  // time, "add" lets only the first in and both use that.
  async static() {
    const have = () => use('keys', 'readonly', (s) => s.get('link'));
    let found;
    try { found = await have(); } catch { return (forOnce ??= await link.generate()); } // a frame may have no database
    if (found) return found;
    const made = await link.generate();
    try {
      await use('keys', 'readwrite', (s) => s.add(made, 'link'));
      return made;
    } catch (e) {
      const other = await have();
      if (other) return other;
      throw e;
    }
  },
  async derive(key, peer) {
    const algorithm = { name: 'X25519' };
    const publicKey = await crypto.subtle.importKey('raw', peer, algorithm, false, []);
    return new Uint8Array(await crypto.subtle.deriveBits({ ...algorithm, public: publicKey }, key.privateKey, 256));
  },
};

// host is what the core is lent: post takes its messages, token gives it the entity token.
export const host = ({ post, token, fetch = (url, options) => globalThis.fetch(url, options) }) => ({ post, token, fetch, link, store, loopback });
