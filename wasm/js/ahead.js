// What the core asks first of all, asked while the core is still on its way: over a
// slow line a token and then the lists would be two more round trips after it came.

const LISTS = ['/v1/entity', '/v1/providers', '/v1/accounts', '/v1/requests?limit=100'];
const FRESH = 20_000; // ms that an answer may wait for the core

// ahead asks with the token that get gives, and returns the fetch for the core: it hands
// each early answer over once, while it is fresh. What failed early is asked again, so
// that the core learns why.
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
  return (url, options) => {
    const name = `${options.method} ${url}`, early = asked.get(name), again = () => fetch(url, options);
    asked.delete(name);
    if (!early || performance.now() - since > FRESH) return again();
    return early.then((response) => (response.ok ? response : again()), again);
  };
}
