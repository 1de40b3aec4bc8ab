/** The vault's screens for a page: members, groups, whitelists, accounts with their rules, reporting keys, forms that change them, versions
 *  and what they differ in, the log, and receipts that are verified in the browser. Importing this defines `<countersign-vault>`; on a server
 *  it does nothing. ::part names are those of elements.d.ts. */

import { CountersignElement } from './elements.js';

/** A form: what is made, or done with an object, by its id. */
export type VaultForm = 'new_account' | 'new_group' | 'new_whitelist' | 'new_member' | 'new_reporting_key' | 'change_admin'
  | `change_${'acc' | 'grp' | 'wls'}_${string}` | `remove_grp_${string}` | `revoke_rpk_${string}` | `${'suspend' | 'resume' | 'revoke' | 'replace' | 'join'}_mem_${string}`;

/** A place of the vault: "" (who may pay whom), a list, the admin rule, an object by its id, a closed request by its id, for its
 *  receipt, or a form. */
export type VaultPlace = '' | 'members' | 'groups' | 'whitelists' | 'reporting' | 'log' | 'receipt' | 'admin'
  | `${'mem' | 'grp' | 'wls' | 'acc' | 'rpk' | 'req'}_${string}` | VaultForm;

/** `<countersign-vault at="members">`: it navigates in memory and dispatches countersign-navigated with its route; a press
 *  on a request, and a form that became one, dispatches countersign-selected. */
export declare class CountersignVault extends CountersignElement {
  /** Where it is. It changes as the person goes on. */
  get at(): string;
  set at(v: VaultPlace);
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
