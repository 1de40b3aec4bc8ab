// The component that holds the configuration and the token for the hooks and the
// elements below it.

import { createContext, createElement, useContext, useEffect, useMemo, useRef } from 'react';
import { CountersignError, refuseSecrets } from '@countersign/core';
import '@countersign/core/elements';
import { Store } from './store.js';

const Context = createContext(undefined);

export function useStore() {
  const store = useContext(Context);
  if (!store) throw new CountersignError('PROP_INVALID', 'This hook is used outside a CountersignProvider', { remedy: 'Put a CountersignProvider around the component.' });
  return store;
}

export function CountersignProvider(props) {
  refuseSecrets(props);
  const { entityId, accessToken, environment, apiUrl, theme, locale, wasmURL, bridgeUrls, children } = props;
  const latest = useRef(props);
  const where = String(wasmURL ?? ''), bridges = JSON.stringify(bridgeUrls ?? null);
  const store = useMemo(() => new Store({
    entityId, environment, apiUrl, locale, ...(wasmURL && { wasmURL }), ...(bridgeUrls && { bridgeUrls }),
  }, () => latest.current), [entityId, environment, apiUrl, locale, where, bridges]);
  const token = accessToken?.access_token;
  useEffect(() => { latest.current = props; });
  useEffect(() => store.open(), [store]);
  const known = useRef(token);
  useEffect(() => {
    if (token && known.current !== token) store.take(accessToken);
    known.current = token;
  }, [store, token]);
  const element = useRef(null), colours = JSON.stringify(theme ?? null), given = typeof props.getAccessToken === 'function';
  useEffect(() => { // objects are properties: as attributes they would be text
    const e = element.current;
    e.theme = theme;
    e.wasmURL = wasmURL;
    e.bridgeUrls = bridgeUrls;
    e.accessToken = accessToken;
    e.getAccessToken = given ? store.getAccessToken : undefined;
  }, [store, colours, where, bridges, token, given]);
  return createElement(Context.Provider, { value: store }, createElement('countersign-provider', {
    ref: element, 'api-url': apiUrl, 'entity-id': entityId, environment, locale,
  }, children));
}
