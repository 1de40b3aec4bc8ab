/** The messages between the core (Go) and the page's JavaScript, one string for many in each
 *  direction. Internal: applications use client.d.ts and elements.d.ts. A test compares
 *  {@link Exports} with wasm/main_js.go and {@link Calls} with wasm/internal/port. */

import type { CountersignError } from './errors.js';

/** One running core. */
export declare class Port {
  static start(module: WebAssembly.Module, settings: Settings, lend: Pick<Host, 'token'> & Partial<Pick<Host, 'fetch'>>, stopped: (e: CountersignError) => void): Promise<Port>;
  call<K extends keyof Calls>(name: K, args?: Args, o?: { signal?: AbortSignal; step?(s: unknown): void }): Promise<ReturnType<Calls[K]>>;
  surface(open: Opening, on: { paint(p: Picture): void; event(type: string, detail: unknown): void; stopped?(e: CountersignError): void }): { act(action: string, value: string): void; close(): void };
  on(f: (type: string, detail: unknown) => void): () => void;
  readonly stopped?: CountersignError;
  stop(): void;
}

/** What the Go core exports. It calls `globalThis.countersignReady(exports)` once, from main. Each
 *  returns null, or what was wrong with what it was given. */
export interface Exports {
  start(settings: string, host: Host): string | null;
  /** {@link ToCore}[] as JSON text. Must not block. */
  send(messages: string): string | null;
  stop(): string | null;
}

/** What start is told, as JSON text. */
export interface Settings {
  environment: string; gateway_url: string; bridge_urls: string[]; origin: string; user: string; entity: string; entities: { id: string; name: string }[];
}

export type ToCore =
  | { id: number; call: keyof Calls; args?: Args }
  | { cancel: number }
  | { surface: number; open: Opening }
  | { surface: number; act: [action: string, value: string] }
  | { surface: number; close: true }
  | { frame: true } // an animation frame has come
  | { life: 'shown' | 'hidden' | 'online' | 'offline' | 'leave' };

export type FromCore =
  | { id: number; ok: unknown }
  | { id: number; error: Problem }
  | { id: number; step: unknown }
  | { event: 'token' | 'bridge' | 'devices' | 'listening' | 'change'; detail: unknown }
  | { surface: number; picture: Picture }
  | { surface: number; event: string; detail: unknown }
  | { frame: true }; // asks for one

export interface Problem { code: string; message: string; details?: Record<string, string>; remedy?: string }

/** Which surface to open, and what it is about. */
export interface Opening {
  kind: 'app' | 'quotes' | 'approve' | 'requests' | 'order' | 'bridge-status';
  path?: string; request?: string; member?: string; locale?: string;
  form?: { amount: string; fiat: string; asset: string; method: string; country: string; account: string };
}

export interface Args {
  id?: string; input?: { from: string; to: string; amount: string; payment_method: string; country: string }; account?: string; quote?: string;
  purpose?: string; reference?: string; key?: string; state?: string; cursor?: string; requests?: string[]; member?: string;
  decision?: 'APPROVE' | 'REJECT' | 'INITIATE'; pay_again?: boolean; relay?: string; gesture?: boolean;
}

/** What may be called. Answers are bodies of the gateway's API (shared/spec/wire.md). */
export interface Calls {
  session(): { entity: unknown; until: string };
  providers(): unknown;
  /** Each step is { row } or { out }. */
  quotes(): unknown;
  makeRequest(): unknown;
  requests(): unknown;
  request(): unknown;
  makeOrder(): unknown;
  makeTicket(): unknown;
  orders(): unknown;
  order(): unknown;
  accounts(): unknown;
  account(): unknown;
  /** Steps: prompt, lines, signed, have and of, and a verdict for each request. */
  decide(): null;
  /** Begins to look for the bridge; the event bridge tells how it goes. */
  connect(): null;
  stopConnecting(): null;
  forget(): null;
  /** Whether the stream of events stands already; the event listening tells when it does. */
  listen(): boolean;
  renew(): null;
}

/** What the loader lends the core. */
export interface Host {
  /** Takes messages of the core: {@link FromCore}[] as JSON text. */
  post(messages: string): void;
  /** A token: the body of a token endpoint, or {"error": {code, message}}, as JSON text. refused
   *  says that the gateway refused the one before. */
  token(refused: boolean): Promise<string>;
  /** The browser's fetch. What the core asks first of all was asked while it was loading. */
  fetch(url: string, options: RequestInit): Promise<Response>;
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
  bridge?: { state: string; problem: string; step: string; route: string };
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
  /** Is scrolled to when this changes and it is not on screen. */
  reveal?: string;
  /** Takes the focus once, when this first becomes true. */
  focus?: boolean;
  /** A press copies this text; the element then carries data-copied for a moment. */
  copy?: string;
  /** Of the pseudo-element "icon": a name from icons.js. Of "lent", a place that the loader paints into: "vault", or "dry"
   *  for what the rules say of a purchase. */
  name?: string;
  /** Of "lent": what it shows. */
  at?: string;
  /** The attributes that the painter allows; true is an empty attribute, false removes it. */
  [attribute: string]: unknown;
}
