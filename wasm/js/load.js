// Where the core comes from: the gateway, compressed and under the hash that this
// package pins; else the copy in the package. Compiled once for a page. The module that
// verifies receipts comes the same way.

import { core } from './build.js';
import { fail } from './errors.js';

const PATIENCE = 120_000; // ms after which a download has failed
const WASM = { headers: { 'Content-Type': 'application/wasm' } };
const GZIP = 0x1f; // the first byte (RFC 1952); that of WebAssembly is 0
const compiled = new Map(); // address → promise of the module

const CORE = { pin: core, name: 'countersign.wasm', copies: () => [new URL('./core.wasm.gz', import.meta.url), new URL('./core.wasm', import.meta.url)] };

/** compile returns a compiled module, the core when no other is asked for: { pin, name, copies }. Without wasmURL it
 *  asks the gateway at apiUrl first. */
export function compile({ apiUrl, wasmURL, module: what = CORE } = {}) {
  const name = `${what.name} ${wasmURL ?? apiUrl ?? ''}`;
  let module = compiled.get(name);
  if (!module) {
    compiled.set(name, module = load(what, apiUrl, wasmURL));
    module.catch(() => compiled.delete(name)); // the next caller tries again
  }
  return module;
}

async function load({ pin, name, copies }, apiUrl, wasmURL) {
  if (typeof WebAssembly !== 'object') throw fail('WEBASSEMBLY_MISSING', 'This browser has WebAssembly switched off');
  if (wasmURL) return from(wasmURL);
  const sources = [
    ...(apiUrl === undefined || !pin.hash ? [] : [() => from(`${apiUrl}/core/${pin.hash}/${name}`, pin.integrity)]),
    ...copies().map((url) => () => from(url)),
  ];
  let last;
  for (const source of sources) {
    try {
      return await source();
    } catch (e) {
      if (e.code === 'CSP_BLOCKS_WASM') throw e; // the same for all
      if (last?.code !== 'CORE_DAMAGED') last = e;
    }
  }
  throw last;
}

// from loads and compiles what an address serves. The browser compiles while it arrives.
async function from(url, integrity) {
  let response;
  try {
    response = await fetch(url, { credentials: 'same-origin', signal: AbortSignal.timeout(PATIENCE), ...(integrity && { integrity }) });
  } catch (e) {
    throw fail('CORE_UNREACHABLE', `The core could not be loaded from ${new URL(url, location.href).host}`, { cause: e });
  }
  const type = response.headers.get('Content-Type') ?? '';
  if (!response.ok || /^text\/html/i.test(type)) { // single-page servers answer every address with their page
    response.body?.cancel();
    throw fail('CORE_NOT_SERVED', `${new URL(url, location.href).host} does not serve the core (${response.ok ? type : `HTTP ${response.status}`})`);
  }
  try {
    return await WebAssembly.compileStreaming(await plain(url, response, type));
  } catch (e) {
    throw said(e);
  }
}

// plain is a response that the browser compiles from, also where its type is wrong. A file
// of gzip is unpacked unless that is done: the browser does it where the server says
// Content-Encoding, which a page of another origin cannot read, so the first byte tells.
async function plain(url, response, type) {
  if (!new URL(url, location.href).pathname.endsWith('.gz')) return /^application\/wasm$/i.test(type) ? response : new Response(response.body, WASM);
  const reader = response.body.getReader(), first = await reader.read();
  const pull = async (c, { done, value }) => { if (done) c.close(); else c.enqueue(value); };
  const body = new ReadableStream({ start: (c) => pull(c, first), pull: async (c) => pull(c, await reader.read()), cancel: (why) => reader.cancel(why) });
  return new Response(first.value?.[0] === GZIP ? body.pipeThrough(new DecompressionStream('gzip')) : body, WASM);
}

// said is the error that an exception of compiling means.
function said(e) {
  if (e instanceof WebAssembly.CompileError && /Content Security Policy|unsafe-eval/i.test(e.message)) {
    return fail('CSP_BLOCKS_WASM', "The page's content security policy does not let WebAssembly start", { cause: e });
  }
  if (e instanceof WebAssembly.CompileError || e instanceof TypeError) return fail('CORE_DAMAGED', 'The core did not arrive as it was sent', { cause: e });
  return fail('CORE_UNREACHABLE', 'Loading the core broke off', { cause: e });
}
