// What a caller is told when something fails: a stable code, one sentence that helps,
// and whether it may be repeated.

const RELOAD = 'Nothing was sent or changed. Try again, or reload the page.';

// REMEDY says for each code of loading and configuration what helps.
const REMEDY = {
  WEBASSEMBLY_MISSING: 'Use a current browser, or allow WebAssembly for this page.',
  CSP_BLOCKS_WASM: "Add 'wasm-unsafe-eval' to script-src in the page's content security policy.",
  CORE_NOT_SERVED: 'Let the gateway of the same release serve it, copy core.wasm beside the bundle, or name its address in wasmURL.',
  CORE_UNREACHABLE: `The connection broke off or the server did not answer. ${RELOAD}`,
  CORE_DAMAGED: 'The program did not arrive as it was sent, so it was not started. Try again; if it stays like this, tell whoever runs this page.',
  CORE_STOPPED: 'What was already approved or ordered is safe on the server. Reload the page.',
  NOT_A_GATEWAY: 'Check apiUrl: it is the address of a Countersign gateway, and ends before /v1.',
  TOKEN_REFUSED: 'Have the back end get a new token with generate-token, and give the page the whole answer.',
  TOKEN_UNAVAILABLE: 'Check the endpoint of your back end that gets tokens: its address, and what it answers to a POST of this page.',
  GATEWAY_UNREACHABLE: "Check the connection and apiUrl: it ends before /v1. The gateway's dashboards must list this page's origin, and connect-src its address.",
  ORIGIN_NOT_ALLOWED: "Add this page's origin to dashboards in the gateway's configuration. If it is there, check apiUrl: it may not be a gateway's.",
  VERSION_CONFLICT: 'Use one version of @countersign/core on a page, or define({ prefix }) another name for this one.',
  SECRET_IN_PAGE: 'Take it out of the page: your back end trades it for an entity token (POST /v1/entities/auth/generate-token), and the page gets that alone, as accessToken.',
};

/** CountersignError is what every call of the package fails with. */
export class CountersignError extends Error {
  constructor(code, message, { cause, remedy = REMEDY[code], done = 'nothing', requestId, field, retryAfter } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'CountersignError';
    Object.assign(this, { code, remedy, done, requestId, field, retryAfter });
  }
}

// isOurs tells such an error, also one of another file of the same build, which has a class of its own.
export const isOurs = (e) => e?.name === 'CountersignError';

export const fail = (code, message, more) => new CountersignError(code, message, more);

// ours is such an error for what was caught. What is not one is a fault of the page, which its console is told; said says what it could not do.
export function ours(e, said) {
  if (isOurs(e)) return e;
  reportError(e);
  return fail('INTERNAL_ERROR', said, { cause: e });
}

// UNCLEAR are the codes after which the page does not know whether what it asked for was done.
export const UNCLEAR = new Set(['GATEWAY_UNREACHABLE', 'INTERNAL_ERROR', 'SIGNER_UNAVAILABLE', 'TIMEOUT']);
