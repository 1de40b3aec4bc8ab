// What the core asks first of all, asked while the core is still on its way: over a
// slow line a token and then the lists would be two more round trips after it came.

const LISTS = ['/v1/entity', '/v1/providers', '/v1/accounts', '/v1/requests?limit=100'];
const FRESH = 20_000; // ms that an answer may wait for the core

// ahead asks, and returns the fetch for the core: it hands each early answer over
// once, while it is fresh. What failed early is asked again, so that the core learns why.
export function ahead({ token_url, gateway_url = '' }) {
  if (!token_url) return (url, options) => fetch(url, options);
  const asked = new Map(), since = performance.now();
  const ask = (method, url, headers) => fetch(url, {
    method, headers: { Accept: 'application/json', ...headers }, redirect: 'error', credentials: 'same-origin', cache: 'no-store',
  });
  const keep = (method, url, answer) => { answer.catch(() => {}); asked.set(`${method} ${url}`, answer); };
  const token = ask('POST', token_url);
  const value = token.then((response) => response.clone().json());
  keep('POST', token_url, token);
  for (const path of LISTS) {
    const url = gateway_url + path;
    keep('GET', url, value.then(({ access_token }) => ask('GET', url, { Authorization: `Bearer ${access_token}` })));
  }
  return (url, options) => {
    const name = `${options.method} ${url}`, early = asked.get(name), again = () => fetch(url, options);
    asked.delete(name);
    if (!early || performance.now() - since > FRESH) return again();
    return early.then((response) => (response.ok ? response : again()), again);
  };
}
