// The hooks. Each returns an object with a state, so that a component renders without
// waiting for anything; functions in it return promises that never reject: what went
// wrong is in error.

import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { CountersignError } from '@countersign/core';
import { useStore } from './provider.js';

const NONE = () => () => {};

// useWatch is what work finds for key; idle while there is no key, and on a server.
function useWatch(key, idle, work) {
  const store = useStore();
  const subscribe = useCallback((listener) => (key === undefined ? NONE() : store.watch(key, idle, work, listener)), [store, key]);
  const value = useSyncExternalStore(subscribe, () => (key === undefined ? idle : store.peek(key) ?? idle), () => idle);
  const again = useCallback(() => { if (key !== undefined) store.again(key); }, [store, key]);
  return [value, again, store];
}

/** useCountersign is the client, for what has no hook of its own. */
export function useCountersign() {
  const { main } = useStore();
  return useSyncExternalStore(main.subscribe, () => main.value, () => main.value);
}

const NO_QUOTES = { state: 'idle', rows: [], error: undefined };

/** useQuotes asks all providers, again when the input changes. Without an input it is idle. */
export function useQuotes(input) {
  const text = input ? JSON.stringify(input) : undefined;
  const [value, again] = useWatch(text && `quotes ${text}`, NO_QUOTES, async (client, set, signal) => {
    const rows = await client.quotes(JSON.parse(text), { signal, onRows: (some) => set({ rows: some }) });
    set({ state: 'ready', rows });
  });
  return { ...value, again };
}

const NO_REQUEST = { state: 'idle', request: undefined, error: undefined };
const CHANGES = ['approved', 'rejected', 'ordered', 'delivered', 'requested'];

/** useRequest follows a request: the one with the id, or the one that create makes of a quote. */
export function useRequest(id) {
  const [made, setMade] = useState(), [failed, setFailed] = useState(), creating = useRef();
  const shown = id ?? made;
  const [value, again, store] = useWatch(shown && `request ${shown}`, NO_REQUEST, async (client, set, signal) => {
    const look = async () => set({ state: 'ready', request: await client.purchase(shown, { signal }), error: undefined });
    for (const type of CHANGES) {
      client.on(type, (what) => { if ((what.request ?? what.id) === shown) look().catch(() => {}); }, { signal });
    }
    await look();
  });
  const create = useCallback((quote, options) => creating.current ??= (async () => { // a second press is the first
    setFailed(undefined);
    try {
      const request = await (await store.client()).request(quote, options);
      setMade(request.id);
      return request;
    } catch (error) {
      setFailed(error);
      return undefined;
    } finally {
      creating.current = undefined;
    }
  })(), [store]);
  return { ...value, ...(failed && { state: 'failed', error: failed }), create, again };
}

const NO_DECISION = { state: 'idle', step: undefined, error: undefined };

/** useApproval takes one decision on a request. Unmounted in the middle of it, it is cancelled. */
export function useApproval(id) {
  const store = useStore(), running = useRef(), [value, setValue] = useState(NO_DECISION);
  const cancel = useCallback(() => running.current?.abort(new CountersignError('CANCELLED', 'The decision was cancelled')), []);
  useEffect(() => () => { setValue(NO_DECISION); cancel(); }, [id, cancel]);
  const decide = useCallback(async (how, done, options) => {
    if (running.current || !id) return undefined; // one at a time: a second press is the first
    const life = running.current = new AbortController(), { signal } = life;
    const set = (v) => { if (running.current === life && !signal.aborted) setValue((was) => ({ ...was, ...v })); };
    setValue({ state: 'deciding', step: undefined, error: undefined });
    try {
      const member = typeof options?.member === 'string' ? options.member : undefined; // a click's event is no options
      const client = await store.client(signal);
      const request = await client[how](id, { signal, ...(member && { member }), onStep: (step) => set({ step }) });
      set({ state: done, step: undefined });
      store.again(`request ${id}`);
      return request;
    } catch (error) {
      if (running.current === life) setValue(signal.aborted ? NO_DECISION : { state: 'failed', step: undefined, error });
    } finally {
      if (running.current === life) running.current = undefined;
    }
    return undefined;
  }, [store, id]);
  const approve = useCallback((options) => decide('approve', 'approved', options), [decide]);
  const reject = useCallback((options) => decide('reject', 'rejected', options), [decide]);
  return { ...value, approve, reject, cancel };
}

const NO_BRIDGE = { state: 'idle' };

/** useBridge is how the bridge on the person's computer stands. */
export function useBridge() {
  const [value, , store] = useWatch('bridge', { bridge: NO_BRIDGE }, (client, set, signal) => {
    set({ bridge: client.bridge.status });
    client.on('bridge', (bridge) => set({ bridge }), { signal });
  });
  const connect = useCallback(async () => {
    try { await (await store.client()).bridge.connect({}); } catch { /* the state says why */ }
  }, [store]);
  const forget = useCallback(async () => {
    try { await (await store.client()).bridge.forget(); } catch { /* the state says why */ }
  }, [store]);
  return { ...value.bridge, connect, forget };
}
