/** Types of the dashboard as a whole page: what its own start (boot.js) uses. Parts of it
 *  for another page are in elements.d.ts, calls without a screen in client.d.ts. */

import type { Theme } from './client.js';
import type { Picture } from './port.js';

/** What the dashboard's own back end tells the page (GET /config.json). */
export interface Config {
  /** POST here, same origin, with the session of the signed-in person: returns an entity token. */
  token_url: string;
  /** Where the bridge may listen on this computer besides the usual ports, in the order to try. */
  bridge_urls?: string[];
  /** "sandbox" is shown unmistakably. */
  environment: 'sandbox' | 'production';
  user: { name: string };
  /** Those that this person may act for. With several the page offers to change between them, and
   *  asks `token_url?entity=ID` for a token of the one that is chosen. */
  entities?: { id: string; name: string }[];
  /** Address of the gateway's API; the page's own origin when absent. */
  gateway_url?: string;
  theme?: Theme;
}

export interface Options {
  /** The core; "./countersign.wasm" beside this module when absent. */
  wasmURL?: string | URL;
  /** false: leave the address bar and the title to the embedding page. */
  routing?: boolean;
  /** FIRST of "./first.js" for the environment: what is shown, and takes what is typed, before the core is there. */
  first?: Record<string, Picture>;
  /** Loads the vault's screens when they are first opened: a module with VaultPart. Without it there are none. */
  vault?: () => Promise<unknown>;
  /** The same for the screens of what providers promised and what arrived: a module with RecordPart. */
  record?: () => Promise<unknown>;
  /** The module that verifies receipts; "./verify.wasm.gz" beside the vault's screens when absent. */
  verifyURL?: string | URL;
  /** Called when the core stops on its own, before it is started again. */
  panicHandler?: (error: Error) => void;
}

/** The configuration, or what fetches it while the core loads. It may throw a CountersignError. */
export type Source = Config | (() => Promise<Config>);

/** mount loads the core and runs the dashboard in the element until stop() is called. The promise is kept when it runs, and broken with
 *  a CountersignError that the element shows too: NOT_A_GATEWAY when something else answers at gateway_url, CONFIG_FAILED,
 *  CORE_UNREACHABLE and the others of loading. */
export function mount(element: HTMLElement, config: Source, options?: Options): Promise<void> & { stop(): void };

/** The detail of countersign-bridge, which the element dispatches when it changes how the bridge stands; it bubbles.
 *  wasm/README.md lists the states. */
export interface BridgeStatus {
  state: 'idle' | 'connecting' | 'pairing' | 'ready' | 'failed';
  /** Why there is no connection, "denied" for one; empty when that is no problem. */
  problem: string;
  /** While connecting: "asking" the person for permission, "looking", "relaying". */
  step: string;
  /** "loopback", or "relay" through the gateway. */
  route: string;
}
