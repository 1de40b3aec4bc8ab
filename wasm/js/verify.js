// The second module of WebAssembly (wasm/verify): it verifies a receipt with the vault's
// root key. Loaded when somebody opens a receipt, and kept.

import { verify as pin } from './build.js';
import { fail } from './errors.js';
import { compile } from './load.js';
import { Go, run } from './wasm_exec.js'; // generated from that of the Go release that built the module

const MODULE = { pin, name: 'verify.wasm', copies: () => [new URL('./verify.wasm.gz', import.meta.url)] };
const started = new Map(); // where it is from → promise of verify

// verifier returns verify(bytes, root) → { lines, text, request, outcome } or { error }.
// root is a thumbprint, or a fingerprint in words or digits.
export function verifier({ apiUrl, verifyURL } = {}) {
  const name = String(verifyURL ?? apiUrl ?? '');
  let verify = started.get(name);
  if (!verify) {
    started.set(name, verify = start({ apiUrl, wasmURL: verifyURL, module: MODULE }, () => started.delete(name)));
    verify.catch(() => started.delete(name)); // the next caller tries again
  }
  return verify;
}

async function start(from, gone) {
  const go = new Go(), instance = await WebAssembly.instantiate(await compile(from), go.importObject), before = globalThis.countersignVerifier;
  let verify, running;
  globalThis.countersignVerifier = (f) => { verify = f; }; // main calls it before it blocks
  try { running = run(go, instance); } finally { globalThis.countersignVerifier = before; }
  if (!verify) throw fail('START_FAILED', 'the verifier did not hand over what it does');
  running.then(gone, gone);
  return (bytes, root) => JSON.parse(verify(bytes, root));
}
