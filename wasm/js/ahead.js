// What the core asks first of all, asked while the core is still on its way: over a
// slow line a token and then the lists would be two more round trips after it came.

import { fail } from './errors.js';

const LISTS = ['/v1/entity', '/v1/providers', '/v1/accounts', '/v1/requests?limit=100'];
const FRESH = 20_000; // ms that an answer may wait for the core

// ahead asks with the token that get gives, and returns the fetch for the core: it hands
// each early answer over once, while it is fresh. What failed early is asked again, so
// that the core learns why. Its judged is a promise that is kept once something answered, or nothing did, and is broken with
// NOT_A_GATEWAY when that is no gateway.
export function ahead(get, gateway = '') {
  const asked = new Map(), since = performance.now(), token = get.ahead();
  for (const path of LISTS) {
    const url = gateway + path;
    const answer = token.then(({ access_token }) => fetch(url, {
      method: 'GET', headers: { Accept: 'application/json', Authorization: `Bearer ${access_token}` }, redirect: 'error', credentials: 'same-origin', cache: 'no-store',
    }));
    answer.catch(() => {});
    asked.set(`GET ${url}`, answer);
  }
  const judged = asked.get(`GET ${gateway}${LISTS[0]}`).then((response) => {
    if (response.status < 500 && !/\bjson\b/.test(response.headers.get('Content-Type') ?? '')) throw fail('NOT_A_GATEWAY', `What answers at ${gateway || location.origin} is not a gateway`, { remedy: 'Check gateway_url in the configuration: it is the address of a Countersign gateway, and ends before /v1.' });
  }, () => {}); // the core says why there is no answer
  judged.catch(() => {});
  return Object.assign((url, options) => {
    const name = `${options.method} ${url}`, early = asked.get(name), again = () => fetch(url, options);
    asked.delete(name);
    if (!early || performance.now() - since > FRESH) return again();
    return early.then((response) => (response.ok ? response : again()), again);
  }, { judged });
}
