/** Parts of Countersign for a page. Importing this defines them; on a server it does nothing.
 *  Attributes are text; what is an object is a property. Events bubble and cross shadow roots.
 *
 *  ::part names: root, form, amount, quotes, quote, best, notice, skeleton, card, button, action (the primary button), reject,
 *  statement, steps, code, list, row, badge, figure, state; of the whole also rail, strip, main. Custom properties:
 *  --countersign-{primary,accent,background,text,secondary,negative,font,radius}. */

import type { BridgeState, Countersign, CountersignError, Environment, Instant, Order, Purchase, Quote, Reason, Step, Theme, Token } from './client.js';

declare class Connected extends HTMLElement {
  static readonly version: string;
  /** api-url: address of the gateway; "" is the page's own origin. */
  apiUrl: string;
  /** entity-id */
  entityId: string;
  /** Empty when it is not set. */
  environment: Environment | '';
  /** token-url: a POST there gets a token. */
  tokenUrl: string;
  /** BCP 47; the page's language when absent. */
  locale: string;
  theme?: Theme;
  accessToken?: Token;
  getAccessToken?: (reason: Reason, o: { signal: AbortSignal }) => Promise<Token>;
  /** Also the attribute wasm-url. */
  wasmURL?: string | URL;
  bridgeUrls?: readonly string[];
  user?: { name: string };
}

/** `<countersign-provider>`: says once for the elements inside it where the gateway is and how to sign in. */
export declare class CountersignProvider extends Connected {}

/** What all elements have that show something. */
export declare class CountersignElement extends Connected {
  /** Uses the core of this client instead of attributes. */
  client?: Countersign;
}

/** An element with the form. The attributes fill it in; hold keeps prices in their places. */
declare class Formed extends CountersignElement {
  amount: string; currency: string; asset: string; method: string; country: string; account: string;
  value: { amount?: string; currency?: string; asset?: string; method?: string; country?: string; account?: string };
}
/** `<countersign-quotes>`: the form and the prices. */
export declare class CountersignQuotes extends Formed {}
/** `<countersign-approve request="…">`: one decision. */
export declare class CountersignApprove extends CountersignElement { request: string; member: string }
/** `<countersign-requests>`: the list; a press on one dispatches countersign-selected. */
export declare class CountersignRequests extends CountersignElement {
  /** "decide", "ready", "at-provider", "sending", "others" or "done"; all when empty. */
  state: string;
  search: string;
  /** page-size: rows of each kind that are shown before one asks for more, 1 to 999; 50 when empty. */
  get pageSize(): string;
  set pageSize(v: string | number);
}
/** `<countersign-order request="…">`: what follows an approval. */
export declare class CountersignOrder extends CountersignElement { request: string }
/** `<countersign-bridge-status>`: how the bridge stands, and what to do. */
export declare class CountersignBridgeStatus extends CountersignElement {}
/** `<countersign-app>`: all of it. It navigates in memory, never in the page's address. Its form is as the person left
 *  it, unless an attribute fills it in. */
export declare class CountersignApp extends Formed {
  /** "none": without rail and status strip. */
  chrome: string;
  /** Present: there is a navigation item Vault, whose screens the page loads with `import('@countersign/core/vault')`, at the latest
   *  when countersign-navigated tells a route that begins with /vault. A page that imports them before needs no attribute. */
  get vault(): string;
  set vault(v: string | boolean);
  /** Present: there is a navigation item Send, in the same way, whose screens are those of `import('@countersign/core/send')` and whose routes
   *  begin with /send. */
  get send(): string;
  set send(v: string | boolean);
  navigate(route: string): void;
}

/** Defines them as `<PREFIX-quotes>` and so on; throws VERSION_CONFLICT, with both versions, when another version
 *  has the name. */
export declare function define(o?: { prefix?: string }): void;

declare global {
  interface HTMLElementTagNameMap {
    'countersign-provider': CountersignProvider;
    'countersign-quotes': CountersignQuotes;
    'countersign-approve': CountersignApprove;
    'countersign-requests': CountersignRequests;
    'countersign-order': CountersignOrder;
    'countersign-bridge-status': CountersignBridgeStatus;
    'countersign-app': CountersignApp;
  }
  interface HTMLElementEventMap {
    'countersign-error': CustomEvent<CountersignError>;
    'countersign-token-expired': CustomEvent<{ at: Instant; error: CountersignError }>;
    /** Only elements navigate: a client has no such event. */
    'countersign-navigated': CustomEvent<{ route: string }>;
    'countersign-selected': CustomEvent<{ request: string }>;
    'countersign-requested': CustomEvent<Purchase>;
    'countersign-approved': CustomEvent<Purchase>;
    'countersign-rejected': CustomEvent<Purchase>;
    'countersign-ordered': CustomEvent<Order>;
    'countersign-delivered': CustomEvent<Order>;
    /** Each once for a decision, in the order of {@link Step}. */
    'countersign-step': CustomEvent<{ step: Step['step'] }>;
    /** The price that the person chose or was about to request, and the one that takes its place when it is renewed. */
    'countersign-quote': CustomEvent<Quote>;
    /** Each element tells how the bridge stands, for whoever listens at that one: listen at one of them, or at a client
     *  ({@link Countersign.on}), to hear each change once. */
    'countersign-bridge': CustomEvent<Pick<BridgeState, 'state'> & { problem: string; step: string; route: string }>;
  }
}
