// What the page keeps: keys that stay in WebCrypto, and a few small values that
// survive a reload. Both live in this origin's IndexedDB.

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
export async function use(store, mode, request) {
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

// What a browser does not let the page keep, such as in a frame of another site, lives
// as long as the page.
const memory = new Map();

export const store = {
  async get(name) {
    try { return (await use('values', 'readonly', (s) => s.get(name))) ?? memory.get(name) ?? null; } catch { return memory.get(name) ?? null; }
  },
  async set(name, value) {
    memory.set(name, String(value));
    await use('values', 'readwrite', (s) => s.put(String(value), name)).then(() => memory.delete(name), () => {});
  },
  async delete(name) {
    memory.delete(name);
    await use('values', 'readwrite', (s) => s.delete(name)).catch(() => {});
  },
};
