// What the loader lends the core: keys that stay in WebCrypto, and a few small
// values that survive a reload. Both live in this origin's IndexedDB.

const DATABASE = 'countersign';

function open() {
  return new Promise((resolve, reject) => {
    const r = indexedDB.open(DATABASE, 1);
    r.onupgradeneeded = () => { r.result.createObjectStore('keys'); r.result.createObjectStore('values'); };
    r.onsuccess = () => resolve(r.result);
    r.onerror = () => reject(r.error);
    r.onblocked = () => reject(new Error('another tab holds an older database open'));
  });
}

// use runs one request in one transaction; the result is there when it is durable.
async function use(store, mode, request) {
  const db = await open();
  try {
    return await new Promise((resolve, reject) => {
      const t = db.transaction(store, mode, { durability: 'strict' });
      const r = request(t.objectStore(store));
      t.oncomplete = () => resolve(r.result);
      t.onerror = t.onabort = () => reject(t.error ?? new Error('the browser stopped the transaction'));
    });
  } finally {
    db.close();
  }
}

// X25519 keys for the link to the bridge. The private half can be used by this
// origin and read by nobody.
const link = {
  async generate() {
    const pair = await crypto.subtle.generateKey({ name: 'X25519' }, false, ['deriveBits']);
    return { privateKey: pair.privateKey, publicKey: new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey)) };
  },
  // static is this page's long-lived key. When two tabs make one at the same
  // time, "add" lets only the first in and both use that.
  async static() {
    const have = () => use('keys', 'readonly', (s) => s.get('link'));
    const found = await have();
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

const store = {
  async get(name) { return (await use('values', 'readonly', (s) => s.get(name))) ?? null; },
  async set(name, value) { await use('values', 'readwrite', (s) => s.put(String(value), name)); },
  async delete(name) { await use('values', 'readwrite', (s) => s.delete(name)); },
};

export const host = (paint) => ({ paint, link, store });
