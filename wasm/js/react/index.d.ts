/** Types of @countersign/react: one provider, and hooks below it. */
import type { HTMLAttributes, ReactElement, ReactNode, Ref } from 'react';
import type {
  BridgeState, Countersign, CountersignError, Environment, Purchase, Quote, QuoteInput, Row, Step, Theme, Token,
} from '@countersign/core';
import type {
  CountersignApp, CountersignApprove, CountersignBridgeStatus, CountersignElement, CountersignOrder, CountersignQuotes, CountersignRequests,
} from '@countersign/core/elements';
import type { CountersignSend } from '@countersign/core/send';
import type { CountersignVault } from '@countersign/core/vault';

export { CountersignError } from '@countersign/core';

export interface CountersignProviderProps {
  /** The entity that the token is for. */
  entityId?: string;
  /** What your back end got of POST /v1/entities/auth/generate-token, as it is. It is believed no longer than it says
   *  itself (`exp`), whatever expires_in and expires_at say. */
  accessToken?: Token;
  environment: Environment;
  /** Address of the gateway; it may have a path. */
  apiUrl: string;
  /** Colours of the elements below the provider, each as "#511320" or { hex: "#511320" }, in either shape. */
  theme?: Theme;
  /** Called when the gateway takes the token no longer, or never did. Give another accessToken then. */
  onAuthError?(error: CountersignError): void;
  /** Called for a token: at the start, before one ends, and when one was refused. */
  getAccessToken?(reason: 'first' | 'expiring' | 'refused', o: { signal: AbortSignal }): Promise<Token>;
  locale?: string;
  /** Where the core is, when neither the gateway nor the package's own copy is to be used. */
  wasmURL?: string | URL;
  bridgeUrls?: readonly string[];
  children?: ReactNode;
}

/** Holds configuration and token for the hooks and elements below it. Throws SECRET_IN_PAGE when it is given an API key. */
export function CountersignProvider(props: CountersignProviderProps): ReactElement;

type Loading = 'idle' | 'loading' | 'ready' | 'failed';

/** The client itself, for what has no hook of its own. */
export function useCountersign(): { state: 'idle' | 'connecting' | 'ready' | 'failed'; client?: Countersign; error?: CountersignError };

/** Asks all providers, and again when the input changes; without an input it is idle. `rows` fill while it loads. */
export function useQuotes(input?: QuoteInput | null): { state: Loading; rows: readonly Row[]; error?: CountersignError; again(): void };

/** Follows the request with this id, or the one that `create` makes of a quote. */
export function useRequest(id?: string): {
  state: Loading; request?: Purchase; error?: CountersignError; again(): void;
  /** Never rejects: undefined when it failed, and why is in `error`. A press while it works is the same press. */
  create(quote: Quote, options?: { purpose?: string; reference?: string }): Promise<Purchase | undefined>;
};

export interface Decision {
  /** Who decides, of the members whose devices are at this computer; the one who may, when absent. */
  member?: string;
}
/** The event of a press. */
export interface Press { readonly nativeEvent: object }

/** One decision on a request, with the bridge on the person's computer. Unmounted in the middle, it is cancelled. */
export function useApproval(id?: string): {
  state: 'idle' | 'deciding' | 'approved' | 'rejected' | 'failed'; step?: Step; error?: CountersignError;
  /** Call it from a click, or pass it as onClick: the browser asks the person for permission to reach the bridge. Never rejects. */
  approve(options?: Decision | Press): Promise<Purchase | undefined>;
  reject(options?: Decision | Press): Promise<Purchase | undefined>;
  cancel(): void;
};

/** How the bridge on the person's computer stands. Call `connect` from a click. */
export function useBridge(): BridgeState & { connect(): Promise<void>; forget(): Promise<void> };

/** An element below the provider, as `<countersign-quotes amount="250" oncountersign-requested={…} />`: React 19 hears its events so. */
type Part<E extends CountersignElement, Attributes extends string = never> = Omit<HTMLAttributes<E>, Attributes> & { [A in Attributes | 'locale']?: string } & {
  [K in keyof HTMLElementEventMap as K extends `countersign-${string}` ? `on${K}` : never]?: (event: HTMLElementEventMap[K]) => void;
} & { ref?: Ref<E>; key?: string | number | null };

type Form = 'amount' | 'currency' | 'asset' | 'method' | 'country' | 'account' | 'hold';

declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      'countersign-quotes': Part<CountersignQuotes, Form>;
      'countersign-approve': Part<CountersignApprove, 'request' | 'member'>;
      'countersign-requests': Part<CountersignRequests, 'state' | 'search' | 'page-size'>;
      'countersign-order': Part<CountersignOrder, 'request'>;
      'countersign-bridge-status': Part<CountersignBridgeStatus>;
      'countersign-send': Part<CountersignSend, 'account' | 'asset' | 'to' | 'amount' | 'purpose' | 'reference'>;
      'countersign-vault': Part<CountersignVault, 'at' | 'verify-url'>;
      'countersign-app': Part<CountersignApp, Form | 'chrome'> & { vault?: boolean | ''; send?: boolean | '' };
    }
  }
}
