// node --test wasm/js: the core from the servers that there are.
import assert from 'node:assert/strict';
import test from 'node:test';
import { gzipSync } from 'node:zlib';
import { compile } from './load.js';

globalThis.location = { href: 'https://app.example/' };
const module = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0); // the shortest one

// served compiles what a server of another origin answers, in chunks of so many bytes.
let n = 0;
async function served(t, bytes, type, chunk = bytes.length) {
  const body = new ReadableStream({ start(c) {
    for (let i = 0; i < bytes.length; i += chunk) c.enqueue(Uint8Array.from(bytes.subarray(i, i + chunk)));
    c.close();
  } });
  t.mock.method(globalThis, 'fetch', async () => new Response(body, { headers: { 'Content-Type': type } }));
  return compile({ wasmURL: `https://cdn.example/${++n}/core.wasm.gz` });
}

test('a file of gzip is unpacked once, whether the browser has done it or not', async (t) => {
  const packed = gzipSync(module);
  assert.ok(await served(t, packed, 'application/gzip') instanceof WebAssembly.Module);
  assert.ok(await served(t, packed, 'application/octet-stream', 1) instanceof WebAssembly.Module, 'a byte at a time');
  assert.ok(await served(t, module, 'application/gzip') instanceof WebAssembly.Module, 'its server said Content-Encoding, which the page cannot see');
  assert.ok(await served(t, module, 'application/wasm', 1) instanceof WebAssembly.Module);
});

test('a core that did not arrive whole is damaged', async (t) => {
  for (const bytes of [module.subarray(0, 5), new Uint8Array(), Uint8Array.of(1, 2, 3)]) {
    await assert.rejects(served(t, bytes, 'application/gzip'), (e) => e.code === 'CORE_DAMAGED', String(bytes));
  }
});
