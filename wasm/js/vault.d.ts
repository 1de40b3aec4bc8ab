/** The vault's screens for a page: members, groups, whitelists, accounts with their rules, versions and what they differ
 *  in, the log, and receipts that are verified in the browser. Importing this defines `<countersign-vault>`; on a server
 *  it does nothing. ::part names are those of elements.d.ts. */

import { CountersignElement } from './elements.js';

/** `<countersign-vault at="members">`: it navigates in memory and dispatches countersign-navigated with its route; a press
 *  on a request dispatches countersign-selected. */
export declare class CountersignVault extends CountersignElement {
  /** "" (who may pay whom), "members", "groups", "whitelists", "log", "receipt", "admin", the id of an object of the vault,
   *  or that of a closed request, for its receipt. */
  at: string;
  /** verify-url: where the module that verifies receipts is. Without it the gateway and then the package are asked. */
  verifyUrl: string;
}

/** Defines it as `<PREFIX-vault>`; throws VERSION_CONFLICT as that of elements does. */
export declare function define(o?: { prefix?: string }): void;

declare global {
  interface HTMLElementTagNameMap {
    'countersign-vault': CountersignVault;
  }
}
