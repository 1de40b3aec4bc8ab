// The dashboard's own start: the core loads while the page asks how to sign in.

import { Failure, mount } from './countersign.js';

async function config() {
  try {
    const response = await fetch('/config.json', { credentials: 'same-origin', signal: AbortSignal.timeout(15_000) });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return await response.json();
  } catch (e) {
    throw new Failure('CONFIG_FAILED', e);
  }
}

mount(document.querySelector('countersign-app'), config);
