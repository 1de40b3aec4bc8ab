// What is asked for to send something. Pure.

import { kept } from './draft.js';

/** intent is what is asked for (shared/spec/intent.md, transfer), its fields in order; the vault fills in names. */
export function intent({ account, asset, to, amount, coin, fee, purpose = '', reference = '' }) {
  return {
    kind: 'transfer', v: 1, account, account_name: '', crypto: { amount, asset }, chain: '', to: { address: to }, max_fee: { amount: fee, asset: coin },
    ...kept({ purpose: purpose.trim(), reference: reference.trim() }),
  };
}
