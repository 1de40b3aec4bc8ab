// A core that all share who sign in at one gateway for one entity; it ends half a minute
// after the last of them has left.

import { asker } from './ask.js';
import { CountersignError, fail } from './errors.js';
import { compile } from './load.js';
import { News } from './news.js';
import { Port } from './port.js';
import { entityOf, tokens } from './token.js';

const REST = 30_000; // ms that a core lives on without a user
const AGAIN = [2_000, 5_000, 15_000, 60_000]; // ms before the stream of events is opened again
const ELSEWHERE = new Set(['NOT_A_GATEWAY', 'GATEWAY_UNREACHABLE', 'ORIGIN_NOT_ALLOWED']); // apiUrl or what lies between is wrong
const cores = new Map(); // what connect was asked for → Shared

// enter joins the core for these options, or starts one. Used by the elements too,
// which show something before anybody is signed in.
export function enter(asked) {
  const name = JSON.stringify([asked.apiUrl, asked.environment, ...signer(asked)]);
  let shared = cores.get(name);
  if (!shared) cores.set(name, shared = new Shared(asked, () => { if (cores.get(name) === shared) cores.delete(name); }));
  shared.enter(asked);
  return shared;
}

const sources = new WeakMap(); // getAccessToken → its number
let numbers = 0;

// signer tells whom a core acts for: two pages' parts that name no entity share one only
// when what they sign in with is the same.
function signer({ entityId, accessToken, tokenUrl, getAccessToken }) {
  const entity = entityId ?? entityOf(accessToken?.access_token);
  if (entity) return ['entity', entity];
  if (tokenUrl) return ['url', tokenUrl];
  const source = getAccessToken ?? accessToken;
  if (!sources.has(source)) sources.set(source, ++numbers);
  return ['source', sources.get(source)];
}

// meant is who is signed in, when that is who the page meant.
export function meant(session, { environment, entityId }) {
  const { id, environment: is } = session.entity;
  if ((is === 'sandbox') !== (environment === 'sandbox')) {
    throw fail('PROP_INVALID', `The gateway is of the environment ${is}`, { field: 'environment', remedy: `Set environment to ${is}, or apiUrl to another gateway.` });
  }
  if (entityId && entityId !== id) {
    throw fail('TOKEN_REFUSED', `The token is for the entity ${id}, and the page is for ${entityId}`, { field: 'accessToken', remedy: 'Let the back end answer with a token of the entity that the page names.' });
  }
  return session;
}

class Shared {
  #users = 0; #timer; #gone; #port; #asked; #token; #listens = 0; #wait; #heard = false; #ask;

  constructor(asked, gone) {
    this.#asked = asked;
    this.#gone = gone;
    this.news = new News(asked.apiUrl);
    const { apiUrl, wasmURL, environment, entityId = '', bridgeUrls } = asked, token = this.#token = tokens(asked);
    token.ahead();
    this.port = compile({ apiUrl, wasmURL }).then((module) => Port.start(module, {
      environment, gateway_url: apiUrl, bridge_urls: bridgeUrls, origin: location.origin, user: asked.user ?? '', entity: entityId, entities: [],
    }, { token }, () => this.#end()));
    this.port.then((port) => { this.#port = port; port.on(this.#hear); if (!this.#users) this.#rest(); }, () => this.#end());
  }

  get options() { return this.#asked; }

  /** ask asks the gateway without the core (ask.js). */
  get ask() { return this.#ask ??= asker(this.#asked.apiUrl, { token: this.#token.now, renew: () => this.#port?.call('renew') }); }

  // wrong is why the page must not be shown what the token is for; undefined when nothing
  // is wrong, or as long as nobody can tell.
  wrong() {
    this.judged ??= this.port.then((port) => port.call('session')).then((session) => { meant(session, this.#asked); }).catch((e) => {
      if (e.field) return e;
      this.judged = undefined;
      return navigator.onLine ? this.meaning(e).then((why) => (ELSEWHERE.has(why.code) ? why : undefined)) : undefined;
    });
    return this.judged;
  }

  // meaning is an error of the start in the words of whoever made the page: why there is
  // no token, and why nothing answers at apiUrl.
  async meaning(e) {
    const { apiUrl } = this.#asked, { failed } = this.#token;
    if (failed && (e.code === 'TOKEN_REFUSED' || e.code === 'GATEWAY_UNREACHABLE')) {
      const code = failed.code === 'UNAVAILABLE' ? 'TOKEN_UNAVAILABLE' : 'TOKEN_REFUSED';
      return fail(code, failed instanceof CountersignError ? failed.message : e.message, { cause: failed });
    }
    if (e.code === 'NOT_A_GATEWAY') return fail(e.code, `What answers at ${apiUrl} is not a gateway`, { cause: e });
    if (e.code !== 'GATEWAY_UNREACHABLE' || e.requestId) return e; // it says itself what it cannot do
    if (await silent(apiUrl)) return fail('ORIGIN_NOT_ALLOWED', `What answers at ${apiUrl} does not answer pages of ${location.origin}`, { cause: e });
    return fail('GATEWAY_UNREACHABLE', `No gateway answers this page at ${apiUrl}`, { cause: e });
  }

  enter({ accessToken, getAccessToken }) {
    this.#users++;
    clearTimeout(this.#timer);
    this.take({ accessToken, getAccessToken });
  }

  // take uses another token, or another source of tokens, from now on.
  take({ accessToken, getAccessToken }) {
    const before = this.#asked.accessToken?.access_token;
    if (accessToken) this.#asked.accessToken = accessToken;
    if (getAccessToken) this.#asked.getAccessToken = getAccessToken;
    if (accessToken && accessToken.access_token !== before) this.#port?.call('renew').catch(() => {}); // the event token tells
  }

  leave() {
    if (--this.#users === 0 && this.#port) this.#rest();
  }

  // listen has the gateway tell what changes, as long as somebody wants to know.
  listen() {
    if (this.#listens++ === 0) this.#open(0);
    return () => { this.#listens--; };
  }

  #open(tries) {
    clearTimeout(this.#wait);
    this.tries = tries;
    if (!this.#listens || !this.#port || this.#port.stopped) return;
    if (document.hidden) document.addEventListener('visibilitychange', () => this.#open(tries), { once: true });
    else this.#port.call('listen').catch(() => {});
  }

  #hear = (type, detail) => {
    const again = this.#heard;
    this.#heard ||= type === 'listening' && detail;
    if (!this.#listens) return;
    if (type === 'change') this.#changed(detail);
    if (type !== 'listening') return;
    const tries = detail ? 0 : this.tries ?? 0;
    if (!detail) this.#wait = setTimeout(() => this.#open(tries + 1), AGAIN[Math.min(tries, AGAIN.length - 1)]);
    else if (again) for (const what of ['requests', 'orders']) this.#missed(what);
    this.tries = tries;
  };

  async #changed({ what, id }) {
    if (what !== 'request' && what !== 'order') return;
    try { this.news.seen(await this.#port.call(what, { id }), true); } catch { /* the next change tells more */ }
  }

  // missed looks what became meanwhile of what was seen before.
  async #missed(what) {
    try { for (const one of (await this.#port.call(what)).items) this.news.seen(one); } catch { /* as above */ }
  }

  #rest() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => { this.#port?.stop(); this.#end(); }, REST);
  }

  #end() {
    clearTimeout(this.#wait);
    this.#gone();
  }
}

// silent reports whether something answers at an address of another origin, and lets
// this page not read what: the browser says no more than that.
async function silent(apiUrl) {
  if (new URL(apiUrl).origin === location.origin) return false;
  const answers = (mode) => fetch(`${apiUrl}/v1/clock`, { mode, credentials: 'omit', signal: AbortSignal.timeout(5_000) }).then(() => true, () => false);
  return !await answers('cors') && await answers('no-cors');
}
