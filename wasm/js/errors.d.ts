/** What a caller is told when something fails: the code is stable, the message and the remedy are sentences. */
export type Code =
  | 'TOKEN_EXPIRED' | 'TOKEN_REFUSED' | 'TOKEN_UNAVAILABLE' | 'ORIGIN_NOT_ALLOWED' | 'NOT_A_GATEWAY' | 'GATEWAY_UNREACHABLE' | 'CLOCK_WRONG'
  | 'WEBASSEMBLY_MISSING' | 'CORE_NOT_SERVED' | 'CORE_UNREACHABLE' | 'CORE_DAMAGED' | 'CORE_STOPPED' | 'CSP_BLOCKS_WASM' | 'VERSION_CONFLICT'
  | 'PROP_INVALID' | 'SECRET_IN_PAGE' | 'AMOUNT_AMBIGUOUS' | 'AMOUNT_INVALID' | 'QUOTE_EXPIRED' | 'PRICE_WORSE'
  | 'BRIDGE_NOT_RUNNING' | 'BRIDGE_DENIED' | 'BRIDGE_BLOCKED' | 'BRIDGE_LOST' | 'SIGNER_REFUSED' | 'REJECTED'
  | (string & {});

export interface Details {
  cause?: unknown;
  remedy?: string;
  done?: 'nothing' | 'sent' | 'unknown';
  requestId?: string;
  field?: string;
  retryAfter?: number;
}

export declare class CountersignError extends Error {
  constructor(code: Code, message: string, details?: Details);
  readonly name: 'CountersignError';
  readonly code: Code;
  /** What helps. */
  readonly remedy?: string;
  /** What happened all the same: only after "nothing" may the call be repeated without a look. */
  readonly done: 'nothing' | 'sent' | 'unknown';
  /** X-Request-Id of the gateway's answer. */
  readonly requestId?: string;
  /** The input that is at fault. */
  readonly field?: string;
  /** Seconds after which to try again. */
  readonly retryAfter?: number;
}
export declare function fail(code: Code, message: string, details?: Details): CountersignError;
