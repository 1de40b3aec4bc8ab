/** Types of the Countersign browser module. Written by hand; a test compares
 *  {@link Exports} with the table of exports in wasm/main_js.go. */

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

/** The six colours of an embedder; everything else is derived from them. */
export interface Theme {
  primary?: Colour;
  accent?: Colour;
  background?: Colour;
  text?: Colour;
  secondary?: Colour;
  negative?: Colour;
}
export type Colour = string | { hex: string };

export interface Options {
  /** The core; "./countersign.wasm" beside this module when absent. */
  wasmURL?: string | URL;
  /** false: leave the address bar and the title to the embedding page. */
  routing?: boolean;
  /** Called when the core stops on its own, before it is started again. */
  panicHandler?: (error: Error) => void;
}

/** The configuration, or what fetches it while the core loads. It may throw a CountersignError. */
export type Source = Config | (() => Promise<Config>);

/** mount loads the core and runs it in the element until stop() is called. */
export function mount(element: CountersignApp, config: Source, options?: Options): Promise<void>;

/** `<countersign-app>`: loader states first, then what the core paints. */
export class CountersignApp extends HTMLElement {
  start(config: Source, options?: Options): Promise<void>;
  stop(): void;
  /** Dispatched when it changes how the bridge stands; it bubbles. wasm/README.md lists the states. */
  addEventListener(type: 'countersign-bridge', listener: (e: CustomEvent<BridgeStatus>) => void): void;
}

/** How the bridge stands. */
export interface BridgeStatus {
  state: 'idle' | 'connecting' | 'pairing' | 'ready' | 'failed';
  /** Why there is no connection, "denied" for one; empty when that is no problem. */
  problem: string;
  /** While connecting: "asking" the person for permission, "looking", "relaying". */
  step: string;
  /** "loopback", or "relay" through the gateway. */
  route: string;
}

/** What the Go core exports. It calls `globalThis.countersignReady(exports)` once, from main. */
export interface Exports {
  start(config: Config, host: Host): void;
  /** Something the person did: an action of the tree and its value. Must not block. */
  dispatch(action: string, value: string): void;
  stop(): void;
}

/** What the loader lends the core. */
export interface Host {
  /** Put a picture on screen: {@link Picture} as JSON text. The newest of a frame wins. */
  paint(picture: string): void;
  /** The browser's fetch. What the core asks first of all was asked while it was loading. */
  fetch(url: string, options: RequestInit): Promise<Response>;
  /** Loads the page again for another of the entities. */
  change(entity: string): void;
  /** X25519 for the bridge link. Private keys never leave WebCrypto. */
  link: {
    /** The page's long-lived key, made on first use and kept in IndexedDB. */
    static(): Promise<LinkKey>;
    generate(): Promise<LinkKey>;
    /** 32 bytes shared with the peer's public key. */
    derive(key: LinkKey, peer: Uint8Array): Promise<Uint8Array>;
  };
  /** Small values that survive a reload (pinned bridge keys, an unfinished form). Never a token. */
  store: {
    get(name: string): Promise<string | null>;
    set(name: string, value: string): Promise<void>;
    delete(name: string): Promise<void>;
  };
  /** Programs on this computer: the bridge is one. */
  loopback: {
    /** Whether this page may reach them; asks the browser, never the person. */
    permission(): Promise<'granted' | 'prompt' | 'denied' | 'blocked' | 'unsupported' | 'unknown'>;
    /** GET /health of an address such as ws://127.0.0.1:18427. The browser may ask the person first.
     *  The protocol of a bridge, "other", "forbidden" by the page's own policy, or "" for nothing. */
    health(address: string, signal: AbortSignal): Promise<string>;
  };
}
export interface LinkKey {
  publicKey: Uint8Array;
  privateKey: CryptoKey;
}

/** One picture of the page. */
export interface Picture {
  /** The document's title. */
  title?: string;
  /** Said once by the polite live region, when it differs from the picture before. */
  announce?: string;
  /** The address of what is shown: pushed to the history when it changes. */
  path?: string;
  /** Keyboard shortcuts outside fields and dialogs: {"/": "focus:amount", "g r": "navigate:/requests"}. */
  keys?: Record<string, string>;
  /** How the bridge stands: the detail of the event countersign-bridge. */
  bridge?: BridgeStatus;
  tree?: Node;
}

/** Text, or [tag, attributes, children]. null and false are left out. */
export type Node = string | null | false | [tag: string, attrs?: Attrs | null, children?: Node[]];

export interface Attrs {
  /** Identity among siblings; `id` serves when absent. A keyed node is moved, never rebuilt. */
  key?: string | number;
  /** Classes from the list at the top of app.css. */
  class?: string;
  /** Actions: "name" or "name:argument". `close` is Escape in a dialog; `hold` says "true" or
   *  "false" when pointer or focus enter or leave. */
  on?: Partial<Record<'click' | 'input' | 'change' | 'submit' | 'keydown' | 'close' | 'toggle' | 'hold', string>>;
  /** Set as properties when they differ, never over what is being typed. `open` of a dialog shows it as modal. */
  prop?: { value?: string; checked?: boolean; disabled?: boolean; indeterminate?: boolean; open?: boolean };
  /** Custom properties only: {"--progress": "0.4"}. */
  css?: Record<string, string>;
  /** Takes the focus once, when this first becomes true. */
  focus?: boolean;
  /** A press copies this text; the element then carries data-copied for a moment. */
  copy?: string;
  /** Of the pseudo-element "icon": a name from icons.js. */
  name?: string;
  /** The attributes that the painter allows; true is an empty attribute, false removes it. */
  [attribute: string]: unknown;
}
