// What the page asks the gateway without the core: long lists and files, for screens that
// the core does not paint. The token is the core's, which renews it.

import { problem } from './port.js';

const PATIENCE = 35_000; // ms; the gateway gives its slowest answers 30 s

// asker returns ask(path, options) → the body: as JSON, or with bytes as a Uint8Array.
// options: signal, bytes, of a POST body and headers, and method of another. It fails with a CountersignError.
export function asker(gateway, { token, renew }) {
  const once = async (path, { signal, body, headers, method = body === undefined ? 'GET' : 'POST' }) => {
    const { access_token, token_type = 'Bearer' } = await token();
    const stop = AbortSignal.any([AbortSignal.timeout(PATIENCE), ...(signal ? [signal] : [])]);
    return fetch(gateway + path, {
      method, redirect: 'error', credentials: 'same-origin', cache: 'no-store', signal: stop,
      headers: { Accept: 'application/json', Authorization: `${token_type} ${access_token}`, ...(body !== undefined && { 'Content-Type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  };
  return async (path, options = {}) => {
    try {
      let response = await once(path, options);
      if (response.status === 401) {
        await renew();
        response = await once(path, options);
      }
      if (!response.ok) throw await refusal(response);
      return options.bytes ? new Uint8Array(await response.arrayBuffer()) : await response.json();
    } catch (e) {
      if (e.name === 'CountersignError' || options.signal?.aborted) throw e;
      throw problem({ code: 'UNAVAILABLE', message: 'The gateway does not answer', remedy: 'Check the connection and try again.' });
    }
  };
}

// refusal is the error that an answer says.
async function refusal(response) {
  const said = (await response.json().catch(() => undefined))?.error;
  if (typeof said?.code !== 'string') return problem({ code: 'UNAVAILABLE', message: `The gateway answered with status ${response.status}`, remedy: 'Try again in a moment.' });
  return problem({ ...said, details: { ...said.details, request_id: said.request_id } });
}
