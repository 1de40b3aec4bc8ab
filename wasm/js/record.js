// Where the gateway tells what a provider promised, and what arrived.

const MOST = 50; // orders that are read at once

/** pathOf is the address of a provider's history, after a cursor. */
export const pathOf = (provider, cursor) => `/v1/providers/${encodeURIComponent(provider)}/history?${new URLSearchParams({ limit: String(MOST), ...(cursor && { cursor }) })}`;
