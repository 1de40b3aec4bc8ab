/** A form that asks for a transfer, for a page. Importing this defines `<countersign-send>`; on a server it does nothing. ::part
 *  names are those of elements.d.ts. */

import { CountersignElement } from './elements.js';

/** `<countersign-send account="…">`: the attributes fill the form in. It dispatches countersign-requested with the request, and
 *  countersign-selected when somebody wants to see that. */
export declare class CountersignSend extends CountersignElement {
  account: string;
  asset: string;
  /** An address, with the check in the case of its letters. */
  to: string;
  amount: string;
  purpose: string;
  reference: string;
}

/** Defines it as `<PREFIX-send>`; throws VERSION_CONFLICT as that of elements does. */
export declare function define(o?: { prefix?: string }): void;

declare global {
  interface HTMLElementTagNameMap {
    'countersign-send': CountersignSend;
  }
}
