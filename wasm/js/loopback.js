// Programs on the same computer, as far as a page may know about them. Browsers
// gate them behind a permission (Local Network Access): to query it asks for nothing,
// a request may open the browser's question. Spec: shared/spec/link.md, "Finding
// the bridge".

import { store } from './store.js';

const HERE = /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/; // pages that no browser gates
const NAMES = ['loopback-network', 'local-network-access']; // the permission, since Chrome 145 and before
const OPEN = 'loopback-open'; // kept once the permission was anything but denied
const MOST = 1024; // characters of an answer that are read

// permission is "granted", "prompt" (a request opens the browser's question),
// "denied", "blocked" (by a policy: the person is not asked), "unsupported" (no page of
// this browser reaches a program) or "unknown" (the browser does not gate them).
async function permission() {
  if (HERE.test(location.hostname)) return 'granted';
  const features = document.featurePolicy; // of the frame that this page is in
  if (features?.features().includes(NAMES[0]) && !features.allowsFeature(NAMES[0])) return 'blocked';
  for (const name of NAMES) {
    let state;
    try { ({ state } = await navigator.permissions.query({ name })); } catch { continue; }
    if (state !== 'denied') await store.set(OPEN, 'yes').catch(() => {});
    // What was never open was denied without asking.
    else if (!await store.get(OPEN).catch(() => 'yes')) return 'blocked';
    return state;
  }
  if (navigator.vendor.startsWith('Apple') && location.protocol === 'https:') return 'unsupported';
  return /Firefox\/(\d+)/.exec(navigator.userAgent)?.[1] >= 149 ? 'prompt' : 'unknown';
}

// health asks what listens at ws://host:port and returns the protocol that a
// bridge names, "other", "forbidden" (by this page's own policy), or "": nothing
// that this page may know of. A bridge that does not know this page is nothing.
async function health(address, signal) {
  const url = new URL('/health', address.replace(/^ws/, 'http'));
  const init = { signal, cache: 'no-store', credentials: 'omit', redirect: 'error', referrerPolicy: 'no-referrer' };
  let forbidden = false;
  const watch = (e) => { forbidden ||= e.blockedURI.startsWith(url.origin); };
  document.addEventListener('securitypolicyviolation', watch);
  try {
    return protocol(await beginning(await fetch(request(url, init))));
  } catch {
    if (signal.aborted || ['prompt', 'denied', 'blocked'].includes(await permission())) return ''; // the browser asks once
    try { // a program that lets no page read it is there all the same
      await fetch(url, { ...init, mode: 'no-cors', redirect: 'follow' });
      return 'other';
    } catch { /* nothing */ }
    await new Promise((done) => { setTimeout(done); }); // the event is a task of its own
    return forbidden ? 'forbidden' : '';
  } finally {
    document.removeEventListener('securitypolicyviolation', watch);
  }
}

// request says beforehand that loopback is meant, where the browser knows that.
function request(url, init) {
  try { return new Request(url, { ...init, targetAddressSpace: 'loopback' }); } catch { return new Request(url, init); }
}

async function beginning(response) {
  const reader = response.body.getReader(), decoder = new TextDecoder();
  for (let text = ''; ;) {
    const { done, value } = await reader.read();
    if (!done) text += decoder.decode(value, { stream: true });
    if (!done && text.length <= MOST) continue;
    if (!done) reader.cancel().catch(() => {});
    return text;
  }
}

function protocol(text) {
  let name;
  try { name = JSON.parse(text)?.protocol; } catch { /* not a bridge */ }
  return typeof name === 'string' && /^countersign\.v\d{1,4}$/.test(name) ? name : 'other';
}

export const loopback = { permission, health };
