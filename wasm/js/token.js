// Where the entity token comes from, and how long it is believed. It stays in memory.
// Tabs whose tokens are for the same subject renew one for all: a Web Lock gives the
// turn, and the one who has it tells the others. The first token of a tab is its own.

import { CountersignError } from './errors.js';
import { isSecret } from './secret.js';

const PATIENCE = 15_000; // ms that the page's own code may take
const TURN = 5_000; // ms that a tab waits for its turn, of the 15 s that the core waits: a frozen tab never ends its own
const LONGEST = 2 ** 31 - 1; // seconds; longer ones are cut
const UNSAID = 300; // seconds that a token is believed which says nothing

// tokens returns get(refused), for the core: a promise of JSON text, the body of a token
// endpoint or an error, which is kept in failed. options: accessToken, getAccessToken(reason, { signal }).
export function tokens(options) {
  let held, early;
  const ask = async (reason) => {
    const given = options.accessToken;
    if (given && given.access_token !== held?.access_token) {
      const lives = lifetime(given, false);
      if (lives > 0 || !options.getAccessToken) return keep(given, lives || lifetime(given, true));
    }
    if (!options.getAccessToken) throw refusal('AUTHENTICATION_ERROR', 'The token has ended: give the page a new accessToken');
    const fresh = async () => ({ token: await patient((signal) => options.getAccessToken(reason, { signal })) });
    const { token, until } = reason === 'first' ? await fresh() : await together(subject(held?.access_token), held?.access_token, fresh);
    return keep(token, until ? (until - Date.now()) / 1000 : lifetime(token, true));
  };
  const keep = (token, lives) => {
    if (typeof token?.access_token !== 'string') throw refusal('AUTHENTICATION_ERROR', "The dashboard's back end gave no usable token: it must be the whole answer of generate-token, with access_token");
    if (isSecret(token.access_token)) throw refusal('AUTHENTICATION_ERROR', "The dashboard's back end gave the page an API key in place of a token: everybody who opens the page could read it");
    const is = entityOf(token.access_token), before = options.entityId ?? entityOf(held?.access_token);
    if (held && is && before && is !== before) throw refusal('AUTHENTICATION_ERROR', `The new token is for the entity ${is}, and the page is for ${before}`);
    held = token;
    return { access_token: token.access_token, token_type: token.token_type ?? 'Bearer', expires_in: Math.floor(lives) };
  };
  const get = async (refused) => {
    try {
      const token = await (early ?? ask(!held ? 'first' : refused ? 'refused' : 'expiring'));
      get.failed = undefined;
      return JSON.stringify(token);
    } catch (e) {
      get.failed = e;
      return JSON.stringify({ error: told(e) });
    } finally {
      early = undefined;
    }
  };
  // ahead asks for the first token while the core is on its way.
  get.ahead = () => {
    early ??= ask('first');
    early.catch(() => {});
    return early;
  };
  // now is the token as it is, for what the page asks without the core.
  get.now = async () => held ?? get.ahead();
  return get;
}

// endpoint is a getAccessToken that asks a token endpoint of the page's own back end.
export const endpoint = (url) => async (_, { signal }) => {
  let response;
  try {
    response = await fetch(url, { method: 'POST', headers: { Accept: 'application/json' }, redirect: 'error', credentials: 'same-origin', cache: 'no-store', signal });
  } catch (e) {
    throw refusal('UNAVAILABLE', "The dashboard's back end does not answer", e);
  }
  const body = await response.json().catch(() => undefined);
  if (response.ok && body) return body;
  const known = typeof body?.error?.code === 'string' ? body.error : {};
  const code = { 401: 'AUTHENTICATION_ERROR', 403: 'AUTHORIZATION_ERROR', 429: 'RATE_LIMITED' }[response.status];
  throw refusal(known.code ?? code ?? 'UNAVAILABLE', known.message ?? `The dashboard's back end answered with status ${response.status}`);
};

const refusal = (code, message, cause) => new CountersignError(code, message, { cause });

// told is an exception of the page's own code in the core's words. Only what was meant
// to be shown is.
function told(e) {
  if (e instanceof CountersignError) return { code: e.code, message: e.message };
  reportError(e);
  return { code: e?.name === 'TimeoutError' ? 'TIMEOUT' : 'AUTHENTICATION_ERROR', message: 'The page could not get a token' };
}

async function patient(f) {
  const signal = AbortSignal.timeout(PATIENCE), soon = (async () => f(signal))(); // what it throws is what it is refused with
  const late = new Promise((_, reject) => { signal.addEventListener('abort', () => reject(signal.reason), { once: true }); });
  return Promise.race([soon, late]);
}

// lifetime is for how many seconds a token is believed: the least of what it says of
// itself and what was said with it. A fresh one is measured without this computer's
// clock, which may be wrong.
export function lifetime({ access_token, expires_in, expires_at }, fresh, now = Date.now()) {
  const { iat, exp } = payload(access_token), limits = [];
  if (Number.isFinite(Number(expires_in ?? NaN))) limits.push(Number(expires_in));
  if (Number.isFinite(exp)) limits.push(fresh && Number.isFinite(iat) ? exp - iat : exp - now / 1000);
  const at = instant(expires_at);
  if (Number.isFinite(at) && !(fresh && at <= now)) limits.push((at - now) / 1000);
  return Math.max(0, Math.min(LONGEST, ...(limits.length ? limits : [UNSAID])));
}

// instant reads milliseconds, seconds, a Date or RFC 3339.
function instant(v) {
  if (v === undefined || v === null) return NaN;
  if (typeof v === 'number') return v < 1e11 ? v * 1000 : v;
  return new Date(v).getTime();
}

// payload is what a JWT says of itself; nothing for any other token.
function payload(token) {
  try {
    const text = atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/'));
    const claims = JSON.parse(new TextDecoder().decode(Uint8Array.from(text, (c) => c.charCodeAt(0))));
    return typeof claims === 'object' && claims ? claims : {};
  } catch { return {}; }
}

// entityOf is the entity that a token is for; undefined when it does not say.
export function entityOf(token) {
  const { entityId } = payload(token ?? '');
  return typeof entityId === 'string' && entityId ? entityId : undefined;
}

// subject is whom a token is for, and for what: empty when it does not say.
function subject(token) {
  const { iss, aud, sub, entityId, env } = payload(token ?? '');
  return sub ? JSON.stringify([iss, aud, sub, entityId, env]) : '';
}

const groups = new Map(); // subject → { channel, newest }

function group(name) {
  let g = groups.get(name);
  if (!g) {
    groups.set(name, g = { channel: new BroadcastChannel(`countersign.token ${name}`) });
    g.channel.onmessage = ({ data }) => {
      if (!data.asks) { g.newest = data; g.heard?.(); } else if (g.newest) g.channel.postMessage(g.newest);
    };
  }
  return g;
}

// asked asks the other tabs for their newest, and waits a moment for one to answer.
function asked(g) {
  return new Promise((done) => {
    g.heard = done;
    g.channel.postMessage({ asks: true });
    setTimeout(done, 200);
  });
}

// together renews in turn with the other tabs. Where a browser refuses that to a frame,
// and where the turn does not come, each renews by itself.
async function together(name, held, fresh) {
  let g;
  try {
    if (!name || !navigator.locks) return await fresh();
    g = group(name);
  } catch { return fresh(); }
  let began = false;
  try {
    return await navigator.locks.request(`countersign.token ${name}`, { signal: AbortSignal.timeout(TURN) }, async () => {
      const newer = () => g.newest && g.newest.token.access_token !== held && g.newest.until - Date.now() > g.newest.lives * 500;
      if (!newer()) await asked(g); // what was told while this one waited may still be on its way
      if (newer()) return g.newest;
      began = true;
      const { token } = await fresh();
      const lives = lifetime(token, true), until = Date.now() + lives * 1000;
      if (subject(token.access_token) === name) {
        g.newest = { token: { access_token: token.access_token, token_type: token.token_type }, lives, until };
        g.channel.postMessage(g.newest);
      }
      return { token };
    });
  } catch (e) {
    if (began) throw e;
    return fresh();
  }
}
