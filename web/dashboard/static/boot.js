// The dashboard's own start: reads how to sign in, then runs the core.

import { Failure, fail } from './countersign.js';

const element = document.querySelector('countersign-app');

async function boot() {
  try {
    const response = await fetch('/config.json', { credentials: 'same-origin', signal: AbortSignal.timeout(15_000) });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    await element.start(await response.json());
  } catch (e) {
    fail(element, new Failure('CONFIG_FAILED', e), boot);
  }
}

boot();
