// The core without a screen: connect() gives a client whose calls return promises.
// All who connect to one gateway for one entity share one core, which ends half a
// minute after the last of them has closed.

import { CountersignError, fail } from './errors.js';
import { compile } from './load.js';
import { base, checked } from './options.js';
import { guard, problem } from './port.js';
import { pathOf } from './record.js';
import { approvable, bridgeOf, costOf, fitting, historyOf, orderOf, purchaseOf, quoteInput, rowOf, rowsOf, stepOf, transferInput } from './shapes.js';
import { steps } from './steps.js';
import { enter, meant } from './shared.js';
import { intent } from './transfer.js';
import { version } from './build.js';

export { CountersignError } from './errors.js';
export { refuseSecrets } from './secret.js';
export { version } from './build.js';

/** connect starts the core, or joins one that runs, and asks who is signed in. */
export async function connect(options) {
  const asked = checked(options), { signal } = asked;
  signal?.throwIfAborted();
  const shared = enter(asked);
  try {
    const port = await aborted(shared.port, signal);
    const session = meant(await port.call('session', {}, { signal }), asked);
    const client = new Client(shared, port, session);
    signal?.addEventListener('abort', () => client.close(), { once: true });
    return client;
  } catch (e) {
    shared.leave();
    throw await shared.meaning(e);
  }
}

/** preload begins to fetch the core, so that connect finds it. */
export function preload({ apiUrl, wasmURL } = {}) {
  compile({ apiUrl: base(apiUrl), wasmURL }).catch(() => {}); // connect reports it
}

const clients = new WeakMap(); // client → its Shared

// of is the core that a client uses; undefined for what is not a client.
export const of = (client) => (typeof client === 'object' && client ? clients.get(client) : undefined);

class Client {
  #shared; #port; #closed; #off = new Set(); #bridge = { state: 'idle' };

  constructor(shared, port, session) {
    this.#shared = shared;
    this.#port = port;
    clients.set(this, shared);
    this.version = version;
    this.session = Object.freeze({ entityId: session.entity.id, name: session.entity.name, until: session.until, environment: session.entity.environment });
    this.#off.add(port.on((type, detail) => { if (type === 'bridge' || type === 'devices') this.#bridge = bridgeOf(this.#bridge, type, detail); }));
    const client = this;
    this.bridge = Object.freeze({
      get status() { return client.#bridge; },
      connect: (o) => client.#connect(o),
      pair: (o) => client.#connect(o),
      forget: async () => { await client.#call('forget'); },
    });
  }

  /** close gives the core back; calls that have not ended go on to their end. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    for (const off of this.#off) off();
    this.#shared.leave();
  }

  async [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]() { this.close(); }

  /** setAccessToken uses another token from now on. */
  setAccessToken(accessToken) { this.#shared.take({ accessToken }); }

  #call(name, args, options) {
    if (this.#closed) return Promise.reject(fail('CORE_STOPPED', 'This client was closed'));
    return this.#port.call(name, args, options);
  }

  async providers({ signal } = {}) {
    const { providers } = await this.#call('providers', {}, { signal });
    return providers.map(({ id, name, circuit, freshness, capabilities }) => ({ id, name, circuit, freshness, capabilities }));
  }

  /** providerHistory is what a provider promised and delivered to the entity, newest first, with its record. */
  async providerHistory(provider, { signal, cursor } = {}) {
    return historyOf(await this.#ask(pathOf(String(provider), cursor), { signal }));
  }

  async quotes(input, { signal, onRows } = {}) {
    const question = quoteInput(input), account = input.account ?? await this.#account(question.to, signal);
    const rows = new Map();
    let told = false;
    const tell = () => {
      if (told || !onRows) return;
      told = true;
      queueMicrotask(() => { told = false; if (!signal?.aborted) guard(onRows, rowsOf(rows)); });
    };
    if (onRows) {
      this.providers({ signal }).then((all) => { // those who have not answered hold their place
        for (const { id, name } of all) if (!rows.has(id)) rows.set(id, { state: 'waiting', provider: { id, name } });
        tell();
      }, () => {});
    }
    const result = await this.#call('quotes', { input: question, account }, { signal, step: (offer) => {
      const row = rowOf(offer, account);
      rows.set((row.quote ?? row).provider.id, row);
      tell();
    } });
    return [...result.quotes.map((row) => rowOf({ row }, account)), ...result.excluded.map((out) => rowOf({ out }, account))];
  }

  // account is the one that takes the asset, where there is no choice.
  async #account(asset, signal) {
    const { accounts } = await this.#call('accounts', {}, { signal });
    const family = asset.split('/')[0] === 'bitcoin' ? 'bip122:' : 'eip155:';
    const fit = accounts.filter((a) => a.chain.startsWith(family));
    if (fit.length === 1) return fit[0].id;
    throw fail('PROP_INVALID', fit.length ? 'There are several accounts to buy into' : 'No account takes this asset', { field: 'account', remedy: `Set account to one of ${(fit.length ? fit : accounts).map((a) => a.id).join(', ')}.` });
  }

  async request(quote, { signal, purpose = '', reference, key } = {}) {
    const r = await this.#call('makeRequest', { quote: quote.id, account: quote.account, purpose, ...(reference && { reference }), ...(key && { key }) }, { signal });
    this.#shared.news.tell('requested', r);
    return purchaseOf(r);
  }

  /** transferCost is what a transfer would cost now, and whether it would fail. */
  async transferCost({ account, asset, to, amount } = {}, { signal } = {}) {
    const query = new URLSearchParams(Object.entries({ asset, to, amount }).filter(([, v]) => v));
    return costOf(await this.#ask(`/v1/accounts/${encodeURIComponent(String(account))}/transfer-cost?${query}`, { signal }));
  }

  /** transfer asks for something to be sent. The approvers decide on it, and then the vault sends it. */
  async transfer(input, { signal, key = crypto.randomUUID() } = {}) {
    const r = await this.#ask('/v1/requests', { signal, body: { intent: intent(transferInput(input)) }, headers: { 'Idempotency-Key': key } });
    this.#shared.news.tell('requested', r);
    return purchaseOf(r);
  }

  // ask asks the gateway what the core does not know.
  #ask(path, options) {
    if (this.#closed) return Promise.reject(fail('CORE_STOPPED', 'This client was closed'));
    return this.#shared.ask(path, options).catch((e) => {
      if (options.body && !options.signal?.aborted && (e.code === 'GATEWAY_UNREACHABLE' || e.code === 'INTERNAL_ERROR')) e.done = 'unknown';
      throw options.signal?.aborted ? options.signal.reason : e;
    });
  }

  async requests({ signal, ...what } = {}) {
    const { items, next } = await fitting((args) => this.#call('requests', args, { signal }), what);
    for (const r of items) this.#shared.news.seen(r);
    return { items: items.map(purchaseOf), next };
  }

  async purchase(request, { signal } = {}) {
    return purchaseOf(await this.#look(String(request), signal));
  }

  async #look(id, signal) {
    const r = await this.#call('request', { id }, { signal });
    this.#shared.news.seen(r);
    return r;
  }

  // decided is what a decision made of a request.
  async #decided(id, decision) {
    const r = await this.#call('request', { id });
    if (decision === 'INITIATE') this.#shared.news.seen(r); else this.#shared.news.tell(decision === 'REJECT' ? 'rejected' : 'approved', r);
    return purchaseOf(r);
  }

  approve(request, options) { return this.#decide(request, 'APPROVE', options); }

  reject(request, options) { return this.#decide(request, 'REJECT', options); }

  async approveMany(requests, { signal, member, onStep } = {}) {
    const way = steps(onStep);
    try {
      return await this.#approveMany(requests, { signal, member, onStep, way });
    } finally { way.end(); }
  }

  async #approveMany(requests, { signal, member, onStep, way }) {
    await this.#ready(signal, way);
    const ended = new Map(), who = member ?? this.#bridge.identities?.find((i) => i.present)?.member;
    if (!who) throw fail('DEVICE_NOT_FOUND', 'No device of this entity is plugged in', { remedy: 'Plug in the device of a member, then approve again.' });
    const step = (s) => {
      if (s.verdict) ended.set(s.verdict.request, s.verdict);
      const said = stepOf(s);
      if (said) way.take({ ...said, ...(s.verdict && { request: s.verdict.request }) });
    };
    if (requests.length === 1) return [await this.approve(requests[0], { signal, member: who, onStep }).catch((e) => e)];
    await this.#call('decide', { requests: [...requests], member: who, decision: 'APPROVE' }, { signal, step });
    return Promise.all(requests.map(async (id) => {
      const v = ended.get(id);
      if (!v || v.error) return v ? problem(v.error, 'decide') : fail('CORE_STOPPED', 'The core did not say what became of it', { done: 'unknown' });
      return this.#decided(id, 'APPROVE').catch((e) => e);
    }));
  }

  async #decide(request, how, { signal, member, onStep } = {}) {
    const way = steps(onStep), id = request?.id ?? String(request);
    try {
      const r = await this.#look(id, signal), decision = how === 'APPROVE' && r.state === 'pending_initiation' ? 'INITIATE' : how;
      await this.#ready(signal, way);
      const who = member ?? approvable(r, this.#bridge.identities);
      if (!who) throw fail('DEVICE_NOT_FOUND', 'No member who signs at this computer may decide on this request', { remedy: 'Plug in the device of a member who may, or name the member.' });
      await this.#call('decide', { requests: [id], member: who, decision }, { signal, step: (s) => way.take(stepOf(s)) });
      return await this.#decided(id, decision);
    } finally { way.end(); }
  }

  // ready connects to the bridge where that is still to be done.
  async #ready(signal, way) {
    if (this.#bridge.state === 'ready') return;
    way.take({ step: 'connecting' });
    await this.#connect({ signal, onCode: (code) => way.take({ step: 'pairing', code }) });
  }

  #connect({ signal, onCode, relay } = {}) {
    if (this.#bridge.state === 'ready') return Promise.resolve(this.#bridge);
    return new Promise((resolve, reject) => {
      let begun = false, code;
      const off = this.#port.on((type, detail) => {
        if (!begun || type !== 'bridge') return;
        const state = bridgeOf({}, type, detail);
        if (state.state === 'pairing' && state.code !== code) guard(onCode, code = state.code);
        if (state.state === 'ready') end(resolve, state);
        if (state.state === 'failed') end(reject, state.error ?? fail('BRIDGE_LOST', 'The bridge is not connected'));
        if (state.state === 'idle') end(reject, signal?.aborted ? signal.reason : fail('CANCELLED', 'The connection was cancelled'));
      });
      const stop = () => { this.#port.call('stopConnecting').catch(() => {}); end(reject, signal.reason); };
      const end = (f, v) => { off(); signal?.removeEventListener('abort', stop); f(v); };
      begun = true;
      if (signal?.aborted) return end(reject, signal.reason);
      signal?.addEventListener('abort', stop, { once: true });
      this.#call('connect', { gesture: true, ...(relay && { relay }) }).catch((e) => end(reject, e));
    });
  }

  /** order hands an approved request to its provider; url is where one pays. */
  async order(request, { signal, key, payAgain = false } = {}) {
    const id = request?.id ?? String(request), r = await this.#look(id, signal), { news } = this.#shared;
    let o;
    if (!r.order) news.tell('ordered', o = await this.#call('makeOrder', { id, ...(key && { key }) }, { signal }));
    else {
      o = await this.#call('order', { id: r.order }, { signal });
      if (o.state !== 'completed') o = await this.#call('makeTicket', { id: r.order, ...(payAgain && { pay_again: true }) }, { signal });
      news.seen(o);
    }
    return orderOf(o, this.#shared.options.apiUrl);
  }

  async account(id, { signal } = {}) { return accountOf(await this.#call('account', { id }, { signal })); }

  async accounts({ signal } = {}) { return (await this.#call('accounts', {}, { signal })).accounts.map(accountOf); }

  /** on tells f what happens, until the answer is called or the signal aborts. */
  on(type, f, { signal } = {}) {
    if (this.#closed || signal?.aborted) return () => {};
    const stops = [this.#port.on((name, detail) => {
      if (name === 'bridge' || name === 'devices') { if (type === 'bridge') guard(f, bridgeOf(this.#bridge, name, detail)); }
      if (name === 'bridge' && type === 'error' && detail.error) guard(f, problem(detail.error));
      if (name === 'token' && detail.error) {
        const error = problem(detail.error);
        if (type === 'token-expired') guard(f, { at: detail.until ?? new Date().toISOString(), error });
        if (type === 'error') guard(f, error);
      }
    })];
    if (['requested', 'approved', 'rejected', 'ordered', 'delivered'].includes(type)) stops.push(this.#shared.news.on(type, f), this.#shared.listen());
    const off = () => { for (const stop of stops.splice(0)) stop(); this.#off.delete(off); };
    this.#off.add(off);
    signal?.addEventListener('abort', off, { once: true });
    return off;
  }
}

const accountOf = ({ id, name, chain, address, balances }) => ({ id, name, chain, address, balances });

function aborted(promise, signal) {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
