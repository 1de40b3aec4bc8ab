// What the hooks of one provider share: the client, and what was asked through it.
// Nothing begins before something is mounted, so that a server renders the idle state;
// what is unmounted and mounted again at once, as StrictMode does, goes on.

import { connect } from '@countersign/core';

const GATE = new Set(['AUTHENTICATION_ERROR', 'AUTHORIZATION_ERROR', 'TOKEN_EXPIRED', 'TOKEN_REFUSED']); // a new token may help

// told calls a function of the host: what it throws is the host's, and reported as such.
export function told(f, ...args) {
  try { return f?.(...args); } catch (e) { reportError(e); }
}

// Cell is one value that components look at. start(set, signal) keeps it current while
// somebody looks.
class Cell {
  #start; #listeners = new Set(); #life; #rest; #gone; value;

  constructor(value, start, gone) {
    this.value = value;
    this.#start = start;
    this.#gone = gone;
  }

  set = (value) => {
    this.value = { ...this.value, ...value };
    for (const listener of [...this.#listeners]) listener();
  };

  subscribe = (listener) => {
    clearTimeout(this.#rest);
    this.#listeners.add(listener);
    if (!this.#life) this.again();
    return () => {
      this.#listeners.delete(listener);
      if (!this.#listeners.size) this.#rest = setTimeout(() => this.#end(), 0);
    };
  };

  // again begins from the start; what is shown stays until there is something newer.
  again = () => {
    this.#life?.abort();
    const life = this.#life = new AbortController();
    this.#start((value) => { if (!life.signal.aborted) this.set(value); }, life.signal);
  };

  #end() {
    if (this.#listeners.size) return;
    this.#life?.abort();
    this.#life = undefined;
    this.#gone();
  }
}

export class Store {
  #cells = new Map(); #latest; #options; #life; #closing;
  main = new Cell({ state: 'idle', client: undefined, error: undefined }, () => {}, () => {});

  // latest gives the provider's props as they are now.
  constructor(options, latest) {
    this.#options = options;
    this.#latest = latest;
  }

  // getAccessToken asks the provider's props as they are then: one function, so that the
  // elements below the provider share its core.
  getAccessToken = (...args) => this.#latest().getAccessToken(...args);

  // open connects, and returns how to end that.
  open() {
    clearTimeout(this.#closing);
    if (!this.#life) this.connect();
    return () => { this.#closing = setTimeout(() => this.#close(), 0); };
  }

  async connect() {
    const life = this.#life = new AbortController(), { signal } = life, props = this.#latest();
    this.main.set({ state: 'connecting', error: undefined });
    try {
      const client = await connect({
        ...this.#options, accessToken: props.accessToken, signal,
        ...(props.getAccessToken && { getAccessToken: this.getAccessToken }),
      });
      if (signal.aborted) return client.close();
      client.on('token-expired', ({ error }) => { if (error) told(this.#latest().onAuthError, error); }, { signal });
      signal.addEventListener('abort', () => client.close(), { once: true });
      this.main.set({ state: 'ready', client });
      for (const cell of this.#cells.values()) if (cell.value.state === 'failed') cell.again();
    } catch (error) {
      if (signal.aborted) return;
      this.main.set({ state: 'failed', error });
      if (GATE.has(error.code)) told(this.#latest().onAuthError, error);
    }
  }

  // take uses another token: at once, or for another try to connect.
  take(accessToken) {
    const { state, client } = this.main.value;
    if (client) client.setAccessToken(accessToken);
    else if (state === 'failed') this.connect();
  }

  #close() {
    this.#life?.abort();
    this.#life = undefined;
    this.main.set({ state: 'idle', client: undefined });
  }

  // client comes when it is there: now, or later.
  client(signal) {
    return new Promise((resolve, reject) => {
      const look = () => {
        const { client, error } = this.main.value;
        if (!client && !error) return;
        off();
        if (client) resolve(client); else reject(error);
      };
      let off = () => {};
      off = this.main.subscribe(look);
      signal?.addEventListener('abort', () => { off(); reject(signal.reason); }, { once: true });
      look();
    });
  }

  // watch has a listener told of what work(client, set, signal) finds, from now until
  // the returned function is called.
  watch(key, idle, work, listener) {
    let cell = this.#cells.get(key);
    if (!cell) this.#cells.set(key, cell = new Cell(idle, async (set, signal) => {
      set({ state: 'loading', error: undefined });
      try {
        await work(await this.client(signal), set, signal);
      } catch (error) {
        if (!signal.aborted) set({ state: 'failed', error });
      }
    }, () => this.#cells.delete(key)));
    return cell.subscribe(listener);
  }

  peek(key) { return this.#cells.get(key)?.value; }

  again(key) { this.#cells.get(key)?.again(); }
}
