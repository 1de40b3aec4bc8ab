/** Countersign without a screen. Importable on a server; connect() needs a browser. */

import { CountersignError } from './errors.js';
export { CountersignError, type Code } from './errors.js';

/** Decimal text with a point, "1250.50": a number has lost digits already. */
export type Decimal = string;
/** RFC 3339, UTC. */
export type Instant = string;

/** What the token endpoint answered (shared/spec/tokens.md). */
export interface Token {
  access_token: string;
  token_type: string;
  /** Seconds. Never believed beyond what the token says of itself. */
  expires_in: number;
  /** A Date, RFC 3339, or Unix time in seconds or milliseconds. */
  expires_at?: Date | string | number;
}

export type Colour = string | { hex: string };

/** The six colours of an embedder, each as #511320; everything else is derived from them. The second shape is that of
 *  OpenLedgerProvider: `error` is `negative`, and what it has beside these is derived too. */
export type Theme = Partial<Record<'primary' | 'accent' | 'background' | 'text' | 'secondary' | 'negative', Colour>> | {
  colors: Partial<Record<'primary' | 'accent' | 'background' | 'secondary' | 'error' | 'warning' | 'info' | 'surface', Colour>> & { text?: Colour | { primary: Colour; secondary?: Colour; disabled?: Colour } };
  typography?: object; spacing?: object; borderRadius?: object; shadows?: object;
};

/** "development" is another name for "sandbox". */
export type Environment = 'sandbox' | 'production' | 'development';

export type Reason = 'first' | 'expiring' | 'refused';

export interface Options {
  /** Address of the gateway, with a path where it has one; "" is the page's own origin. */
  apiUrl: string;
  entityId?: string;
  environment: Environment;
  /** One of these three: a token, what gets one, or where a POST gets one. */
  accessToken?: Token;
  getAccessToken?(reason: Reason, o: { signal: AbortSignal }): Promise<Token>;
  tokenUrl?: string;
  user?: { name: string };
  locale?: string;
  /** Where the core is, when neither the gateway nor the package's own folder serves it. */
  wasmURL?: string | URL;
  /** Where a bridge may listen besides the usual ports. */
  bridgeUrls?: readonly string[];
  signal?: AbortSignal;
}

export interface QuoteInput {
  pay: { amount: Decimal; currency: string };
  /** LedgerId: "ethereum", "ethereum/erc20/usd__coin". */
  asset: string;
  method: string;
  country: string;
  /** Needed where several accounts take the asset. */
  account?: string;
}

export interface Party { id: string; name: string }

export interface Quote {
  readonly id: string;
  readonly provider: Party;
  readonly receive: Decimal;
  readonly asset: string;
  /** Of the currency, for one unit of the asset. */
  readonly rate: Decimal;
  readonly pay: { amount: Decimal; currency: string };
  readonly fees: readonly { kind: string; amount: Decimal; currency: string }[] | 'not disclosed';
  /** Set when the provider holds the price until then. */
  readonly firmUntil?: Instant;
  readonly expires: Instant;
  readonly arrives?: { from: Instant; to: Instant };
  readonly identity: 'none' | 'light' | 'full' | 'unknown';
  readonly best: boolean;
  readonly rank: number;
  readonly account: string;
}

/** A provider's place in the list. `fix` is the smallest change that would let it quote. */
export type Row =
  | { state: 'waiting'; provider: Party }
  | { state: 'late' | 'down'; provider: Party; reason: CountersignError }
  | { state: 'quoted'; quote: Quote }
  | { state: 'ineligible'; provider: Party; reason: CountersignError; limits?: { min?: Decimal; max?: Decimal; currency?: string }; fix?: { pay?: { amount?: Decimal; currency?: string }; asset?: string; method?: string; country?: string } };

/** What is to be sent. */
export interface TransferInput {
  account: string;
  /** LedgerId: "ethereum". */
  asset: string;
  amount: Decimal;
  /** An address of the account's chain, with the check in the case of its letters. */
  to: string;
  /** The most that the chain may take, in its coin: one of the speeds of transferCost(). */
  maxFee: { amount: Decimal; asset: string };
  purpose?: string;
  reference?: string;
}

export interface TransferCost {
  readonly asset: string;
  /** Of the asset, without what other requests may still take. */
  readonly available: Decimal;
  /** What fees are paid in. */
  readonly coin: string;
  /** Of the coin, without what other requests may still take. */
  readonly spare: Decimal;
  /** Maximum fees to choose from. */
  readonly speeds: { readonly slow: Decimal; readonly normal: Decimal; readonly fast: Decimal };
  /** The recipient is a contract: what is sent to one by mistake is often lost. */
  readonly contract: boolean;
  /** Why it would fail now, for people. */
  readonly refused?: string;
}

/** How far the transaction of an approved transfer is. */
export interface Sending {
  /** Of "approved" it is not signed yet, of "signed" no node has it yet; "confirmed", "failed", "replaced" and "lapsed" are final. */
  readonly state: 'approved' | 'signed' | 'submitted' | 'included' | 'confirmed' | 'failed' | 'replaced' | 'lapsed';
  /** Of the attempt that is in a block, else of the newest. */
  readonly hash?: string;
  readonly block?: number;
  /** Blocks that confirm it, its own included, and how many make it final. */
  readonly confirmations: number;
  readonly needed: number;
  /** That was paid, in the chain's coin. */
  readonly fee?: Decimal;
  /** Why it is not further, for people. */
  readonly reason?: string;
  /** The request whose transaction is in a block in place of this one. */
  readonly replacedBy?: string;
  /** Each the same but for its fees; one of them at most gets into a block. */
  readonly attempts: readonly { nonce: number; hash?: string; signedAt: Instant; fees: { gas: number; maxFeePerGas: Decimal; maxPriorityFeePerGas: Decimal } }[];
}

/** How far the signature of an approved message is. */
export interface Signature {
  /** Of "approved" it is not signed yet; the others are final. */
  readonly state: 'approved' | 'signed' | 'lapsed';
  /** Of the account, whose key signs. */
  readonly address: string;
  /** What the key signs, in base64url (shared/spec/messages.md). */
  readonly digest: string;
  /** 0x and the 65 bytes r, s and v in hexadecimal. */
  readonly signature?: string;
  readonly signedAt?: Instant;
  /** Why it is not further, for people. */
  readonly reason?: string;
}

/** A governed request, by what it wants next. */
export interface Purchase {
  readonly id: string;
  /** An approved purchase is "ready" to be paid, an approved transfer is "sending" until the chain has confirmed it ("done") or not
   *  carried it out ("failed"), an approved message until it is signed; an approved change of the vault is "done". */
  readonly state: 'decide' | 'ready' | 'at-provider' | 'sending' | 'done' | 'failed' | 'cancelled' | 'expired' | 'rejected';
  /** What it is about, for people. */
  readonly sentence: string;
  /** "buy", or another kind of intent (shared/spec/intent.md). */
  readonly kind?: string;
  readonly needs: number;
  readonly have: number;
  readonly approvals: readonly { member: string; name: string; at: Instant }[];
  readonly waiting: readonly { member: string; name: string }[];
  /** When the time to decide ends; once it is approved, when the approval does. */
  readonly until: Instant;
  readonly order?: string;
  readonly pay?: { amount: Decimal; currency: string };
  readonly receive?: { amount: Decimal; asset: string };
  /** The least that the approvers accept. */
  readonly minimum?: Decimal;
  readonly provider?: Party;
  readonly account?: string;
  readonly quote?: string;
  /** Of a transfer. */
  readonly send?: { amount: Decimal; asset: string };
  readonly to?: string;
  readonly maxFee?: { amount: Decimal; asset: string };
  /** Of a transfer that was approved. */
  readonly sending?: Sending;
  /** Of a message that was approved. */
  readonly signature?: Signature;
  readonly purpose?: string;
  readonly reference?: string;
}

/** A provider's record with the entity. Those of its orders count that ended. */
export interface ProviderHistory {
  readonly provider: string;
  /** deliveryRatio: the share of what was promised that arrived; completionOdds: that an order is delivered; both from 0 to 1. */
  readonly record: { delivered: number; ended: number; deliveryRatio: Decimal; completionOdds: Decimal };
  /** seconds: from the hand-over to the delivery. */
  readonly items: readonly {
    order: string; state: Order['state']; pay: { amount: Decimal; currency: string }; asset: string; promised: Decimal; delivered?: Decimal; difference?: Decimal; seconds?: number; createdAt: Instant;
  }[];
  /** The cursor of what follows. */
  readonly next?: string;
}

export interface Order {
  readonly id: string;
  readonly request: string;
  readonly state: 'created' | 'pending' | 'on hold' | 'delivered' | 'failed' | 'expired' | 'refunded';
  readonly provider: Party;
  readonly pay: { amount: Decimal; currency: string };
  readonly asset: string;
  readonly promised: Decimal;
  readonly minimum: Decimal;
  readonly delivered?: Decimal;
  /** Delivered minus promised. */
  readonly difference?: Decimal;
  /** Where one pays: it opens once, until urlUntil. Only in the answer of order(). */
  readonly url?: string;
  readonly urlUntil?: Instant;
}

export interface Account { id: string; name: string; chain: string; address: string; balances: readonly { asset: string; amount: Decimal }[] }

/** How a decision goes, each step once and in this order; before the pairing is done there is nothing but the first
 *  two. One comes again only with something else to say: a wrong PIN, the next prompt, or of several how many are over. */
export type Step =
  | { step: 'connecting' }
  /** Both show the code: the person compares. */
  | { step: 'pairing'; code: string }
  | { step: 'pin'; again: boolean; until?: Instant }
  /** `lines` are the prompt's own, letter for letter. */
  | { step: 'on the bridge'; lines?: readonly string[]; until?: Instant; have?: number; of?: number }
  | { step: 'signed' }
  | { step: 'verified'; have: number; of: number };

export interface Identity { entity: string; member: string; name: string; device: string; present: boolean; locked: boolean; holder?: string }

export interface BridgeState {
  readonly state: 'idle' | 'connecting' | 'pairing' | 'ready' | 'failed';
  readonly problem?: string;
  readonly step?: string;
  readonly route?: 'loopback' | 'relay';
  /** To compare, while pairing. */
  readonly code?: string;
  readonly name?: string;
  /** Whom one can sign as here. */
  readonly identities?: readonly Identity[];
  readonly error?: CountersignError;
}

/** Each is told once, whether this client did it, an element, or someone else. */
export interface Events {
  requested: Purchase;
  /** Once for each approval: `state` is "ready" (or "done", of a change of the vault) when it was the last that was needed. */
  approved: Purchase;
  rejected: Purchase;
  ordered: Order;
  delivered: Order;
  bridge: BridgeState;
  'token-expired': { at: Instant; error: CountersignError };
  error: CountersignError;
}

/** Aborting rejects the promise with the signal's reason. */
export interface Call { signal?: AbortSignal }

/** Every call fails with a {@link CountersignError}, or with the reason of its signal. What a callback
 *  throws is reported (window.onerror) and changes nothing. */
export interface Countersign {
  readonly version: string;
  readonly session: { readonly entityId: string; readonly name: string; readonly until: Instant; readonly environment: string };
  providers(o?: Call): Promise<readonly { id: string; name: string; circuit: 'closed' | 'open' | 'half-open'; freshness: string; capabilities?: unknown }[]>;
  /** What a provider promised and delivered to the entity, the newest order first; `record` is over its newest 50 orders that ended. */
  providerHistory(provider: string, o?: Call & { cursor?: string }): Promise<ProviderHistory>;
  /** onRows gets all rows, as they come, prices first. The promise gives them in the gateway's order. */
  quotes(input: QuoteInput, o?: Call & { onRows?(rows: readonly Row[]): void }): Promise<readonly Row[]>;
  /** The same key makes one request, however often it is called. */
  request(quote: Quote, o?: Call & { purpose?: string; reference?: string; key?: string }): Promise<Purchase>;
  /** What a transfer would cost now; with `to` and `amount`, that one. */
  transferCost(input: { account: string; asset: string; to?: string; amount?: Decimal }, o?: Call): Promise<TransferCost>;
  /** Asks for something to be sent. Once it is approved the vault signs and sends it: purchase() tells how far it is. The same key makes
   *  one request, however often it is called. */
  transfer(input: TransferInput, o?: Call & { key?: string }): Promise<Purchase>;
  /** The newest first. `next` is the cursor of what follows; an empty page has one after 20 pages of which nothing fits. */
  requests(o?: Call & { state?: Purchase['state']; cursor?: string; text?: string }): Promise<{ items: readonly Purchase[]; next?: string }>;
  purchase(request: string, o?: Call): Promise<Purchase>;
  /** Connects to the bridge where that is still to be done, so call it when the person pressed something. Without
   *  a member it is the one at this computer who may decide. Aborting closes the bridge's prompt. */
  approve(request: string | Purchase, o?: Call & { member?: string; onStep?(s: Step): void }): Promise<Purchase>;
  /** Up to 16 as one list with one prompt. */
  approveMany(requests: readonly string[], o?: Call & { member?: string; onStep?(s: Step & { request?: string }): void }): Promise<readonly (Purchase | CountersignError)[]>;
  reject(request: string | Purchase, o?: Call & { member?: string; onStep?(s: Step): void }): Promise<Purchase>;
  /** Hands an approved request to its provider, or makes a new address to pay at. */
  order(request: string | Purchase, o?: Call & { key?: string; payAgain?: boolean }): Promise<Order>;
  account(id: string, o?: Call): Promise<Account>;
  accounts(o?: Call): Promise<readonly Account[]>;
  readonly bridge: {
    readonly status: BridgeState;
    /** relay is the bridge's name at the gateway, when it is on another computer. */
    connect(o?: Call & { onCode?(code: string): void; relay?: string }): Promise<BridgeState>;
    pair(o: Call & { onCode(code: string): void; relay?: string }): Promise<BridgeState>;
    forget(): Promise<void>;
  };
  on<K extends keyof Events>(type: K, f: (e: Events[K]) => void, o?: Call): () => void;
  setAccessToken(token: Token): void;
  /** Gives the core back; it ends half a minute after its last user has. */
  close(): void;
}

/** Who asks for the same gateway, entity and environment shares one core. */
export declare function connect(o: Options): Promise<Countersign>;
/** Throws SECRET_IN_PAGE when an API key is among options, by its name or by its form. connect does it by itself. */
export declare function refuseSecrets(options: object): void;
/** Begins to fetch the core. */
export declare function preload(o: { apiUrl: string; wasmURL?: string | URL }): void;
export declare const version: string;
