// node --test wasm/js: how long a token is believed, and where it comes from.
import assert from 'node:assert/strict';
import test from 'node:test';
import { lifetime, tokens } from './token.js';

globalThis.reportError = () => {};
const now = Date.parse('2026-11-20T12:00:00Z'), second = now / 1000, year = 365 * 86400;
const jwt = (claims) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`;
const token = (name, more = {}) => ({ access_token: name, token_type: 'Bearer', expires_in: 900, ...more });

test('a token is believed no longer than it says of itself', () => {
  const access_token = jwt({ iat: second - 60, exp: second + 840 });
  for (const [what, given, fresh, want] of [
    ['the least counts', { expires_in: 100 * year }, true, 900],
    ['a given one has an age', { expires_in: 100 * year }, false, 840],
    ['expires_in', { expires_in: 300 }, true, 300],
    ['expires_at as a Date', { expires_in: 900, expires_at: new Date(now + 120_000) }, true, 120],
    ['expires_at in seconds', { expires_in: 900, expires_at: second + 120 }, true, 120],
    ['expires_at in milliseconds', { expires_in: 900, expires_at: now + 120_000 }, true, 120],
    ['expires_at as text', { expires_in: 900, expires_at: '2026-11-20T12:02:00Z' }, true, 120],
    ['a wrong clock ages no fresh token', { expires_at: new Date(now - year) }, true, 900],
  ]) assert.equal(lifetime({ access_token, ...given }, fresh, now), want, what);
  assert.equal(lifetime({ access_token, expires_in: 900 }, true, now + 3600_000), 900, 'a clock that is an hour ahead');
  assert.equal(lifetime({ access_token, expires_in: 900 }, false, now + 3600_000), 0, 'one that has ended');
});

test('a hundred years fit a timer, and a token that says nothing is believed for a while', () => {
  assert.equal(lifetime(token('opaque', { expires_in: 100 * year, expires_at: new Date(now + 100 * year * 1000) }), true, now), 2 ** 31 - 1);
  assert.equal(lifetime({ access_token: 'opaque' }, true, now), 300);
  assert.equal(lifetime({ access_token: 'a.%%%.c', expires_in: 'soon' }, true, now), 300);
});

test('the page is asked for the first token, for the next, and when one was refused', async () => {
  const reasons = [];
  const get = tokens({ getAccessToken: async (reason) => { reasons.push(reason); return token(`t${reasons.length}`); } });
  await get.ahead();
  const said = [];
  for (const refused of [false, false, true]) said.push(JSON.parse(await get(refused)).access_token);
  assert.deepEqual(said, ['t1', 't2', 't3']);
  assert.deepEqual(reasons, ['first', 'expiring', 'refused']);
});

test('a given token is used once, then the page is asked', async () => {
  const options = { accessToken: token('given'), getAccessToken: async () => token('asked') };
  const get = tokens(options);
  assert.equal(JSON.parse(await get(false)).access_token, 'given');
  assert.equal(JSON.parse(await get(true)).access_token, 'asked');
  options.accessToken = token('newer');
  assert.equal(JSON.parse(await get(true)).access_token, 'newer');
});

test('a token alone ends, and the core is told', async () => {
  const get = tokens({ accessToken: token('given') });
  await get(false);
  assert.equal(JSON.parse(await get(false)).error.code, 'AUTHENTICATION_ERROR');
});

test('a new token is for the entity of the one before, or for the one that the page names', async () => {
  const of = (entityId) => token(jwt({ sub: entityId, entityId }));
  for (const [entityId, first, next, want] of [[undefined, 'ent_a', 'ent_b', 'AUTHENTICATION_ERROR'], [undefined, 'ent_a', 'ent_a', undefined], ['ent_a', 'ent_b', 'ent_a', undefined], ['ent_a', 'ent_a', 'ent_b', 'AUTHENTICATION_ERROR']]) {
    const options = { entityId, accessToken: of(first) }, get = tokens(options);
    await get(false);
    options.accessToken = { ...of(next), access_token: `${of(next).access_token}` + (first === next ? 'x' : '') };
    assert.equal(JSON.parse(await get(true)).error?.code, want, `${entityId}: ${first}, then ${next}`);
  }
});

test('an API key is not taken for a token', async () => {
  const said = JSON.parse(await tokens({ getAccessToken: async () => token('ol_live_Kb1M7K24EuBEAlojVP0Wlixajigw9C2RzoLx') })(false));
  assert.equal(said.error.code, 'AUTHENTICATION_ERROR');
  assert.doesNotMatch(JSON.stringify(said), /Kb1M/);
});

test('a back end that throws at once leaves no rejection behind', async () => {
  const before = AbortSignal.timeout, late = [], seen = (e) => late.push(e);
  let end;
  AbortSignal.timeout = () => { const c = new AbortController(); end = () => c.abort(new DOMException('late', 'TimeoutError')); return c.signal; };
  process.on('unhandledRejection', seen);
  try {
    await tokens({ getAccessToken: () => { throw new Error('at once'); } })(false);
    end();
    await new Promise((done) => { setImmediate(done); });
  } finally {
    AbortSignal.timeout = before;
    process.off('unhandledRejection', seen);
  }
  assert.deepEqual(late, []);
});

test('what the page throws stays in the page', async () => {
  const said = JSON.parse(await tokens({ getAccessToken: () => { throw new Error('secret detail'); } })(false));
  assert.equal(said.error.code, 'AUTHENTICATION_ERROR');
  assert.doesNotMatch(JSON.stringify(said), /secret/);
  for (const nothing of [undefined, {}, { access_token: 5 }]) {
    assert.equal(JSON.parse(await tokens({ getAccessToken: async () => nothing })(false)).error.code, 'AUTHENTICATION_ERROR');
  }
});

test('a tab renews by itself when the one whose turn it is never ends it, and waits for one that does', { timeout: 30_000 }, async (t) => {
  const Channel = globalThis.BroadcastChannel, timeout = AbortSignal.timeout;
  globalThis.BroadcastChannel = class extends Channel { constructor(name) { super(name); this.unref(); } };
  t.mock.method(AbortSignal, 'timeout', (ms) => timeout(ms / 100)); // 5 s are 50 ms
  let end; // of the other tab's turn
  const held = new Promise((resolve) => { end = resolve; });
  const locks = { // Web Locks, with one that another tab holds: a signal takes back who waits, and not who has the lock
    request: (_, { signal } = {}, work) => new Promise((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason));
      held.then(() => !signal?.aborted && work()).then(resolve, reject);
    }),
  };
  const awake = setInterval(() => {}, 1_000), was = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
  Object.defineProperty(globalThis, 'navigator', { value: { locks }, configurable: true });
  t.after(() => {
    clearInterval(awake);
    globalThis.BroadcastChannel = Channel;
    if (was) Object.defineProperty(globalThis, 'navigator', was); else delete globalThis.navigator;
  });
  let asked = 0;
  const next = () => token(jwt({ sub: 'ent_a', iat: second, exp: second + 900, jti: ++asked }));
  const get = tokens({ getAccessToken: async () => next() });
  await get(false);
  const renewed = JSON.parse(await get(false));
  assert.equal(asked, 2);
  assert.equal(renewed.expires_in, 900, JSON.stringify(renewed));
  end();
  assert.equal(JSON.parse(await get(true)).expires_in, 900);
  assert.equal(asked, 3, 'a turn that comes is used');
});
