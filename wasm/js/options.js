// What connect and the elements may be given.

import { fail } from './errors.js';
import { refuseSecrets } from './secret.js';
import { endpoint } from './token.js';

// base is an address without the slashes at its end.
export const base = (url) => String(url).replace(/\/+$/, '');

// ENVIRONMENTS are other names of environments.
const ENVIRONMENTS = { development: 'sandbox' };

// checked are the options of connect, or an error that names the one that is wrong.
export function checked(options) {
  const wrong = (field, message, remedy) => { throw fail('PROP_INVALID', message, { field, remedy }); };
  const o = options ?? {}, environment = ENVIRONMENTS[o.environment] ?? o.environment;
  refuseSecrets(o);
  if (typeof o.apiUrl !== 'string' || !/^(https?:\/\/|\/)|^$/.test(o.apiUrl)) wrong('apiUrl', 'apiUrl is not the address of a gateway', 'Set it to an address such as https://gateway.example, or to "" for the page\'s own origin.');
  if (environment !== 'sandbox' && environment !== 'production') wrong('environment', 'environment is neither sandbox nor production', 'Set it to one of them.');
  if (o.entityId !== undefined && typeof o.entityId !== 'string') wrong('entityId', 'entityId is not text', 'Set it to the id of the entity, or leave it out.');
  if (o.accessToken !== undefined && typeof o.accessToken?.access_token !== 'string') wrong('accessToken', 'accessToken is not what the token endpoint answered', 'Pass the whole answer: { access_token, token_type, expires_in }.');
  if (o.getAccessToken !== undefined && typeof o.getAccessToken !== 'function') wrong('getAccessToken', 'getAccessToken is not a function', 'Pass a function that returns a promise of a token.');
  if (o.bridgeUrls !== undefined && !Array.isArray(o.bridgeUrls)) wrong('bridgeUrls', 'bridgeUrls is not a list', 'Pass a list of addresses, or leave it out.');
  if (!o.accessToken && !o.getAccessToken && !o.tokenUrl) wrong('accessToken', 'There is nothing to sign in with', 'Pass accessToken, getAccessToken or tokenUrl.');
  return {
    apiUrl: new URL(base(o.apiUrl) || location.origin, location.href).href.replace(/\/+$/, ''), entityId: o.entityId, environment, accessToken: o.accessToken,
    getAccessToken: o.getAccessToken ?? (o.tokenUrl ? endpoint(o.tokenUrl) : undefined), locale: o.locale, wasmURL: o.wasmURL, tokenUrl: o.tokenUrl,
    bridgeUrls: (o.bridgeUrls ?? []).slice(0, 4).map(String), user: o.user?.name, signal: o.signal,
  };
}
