// The dashboard's own start: the core loads while the page asks how to sign in.

import { mount } from './countersign.js';
import { fail } from './errors.js';
import { FIRST } from './first.js';

async function config() {
  try {
    const response = await fetch('/config.json', { credentials: 'same-origin', signal: AbortSignal.timeout(15_000) });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return await response.json();
  } catch (e) {
    throw fail('CONFIG_FAILED', e.message, { cause: e });
  }
}

const app = document.querySelector('countersign-app');
mount(app, config, { first: FIRST[app.dataset.environment], vault: () => import('./vaultscreen.js'), send: () => import('./sendscreen.js'), record: () => import('./recordscreen.js'), verifyURL: new URL('./verify.wasm', import.meta.url) })
  .catch((e) => console.error(e)); // which is on screen
