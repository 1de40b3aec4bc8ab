// What replaces a transfer that waits for a block: what is chosen, what is wrong with it, and what is
// asked for. Pure.

import { compare, isZero, places } from './decimal.js';
import { kept } from './draft.js';
import { number, typedAmount } from './numbers.js';

/** blank is the draft that one begins with. action: SPEED_UP, CANCEL. */
export const blank = (action) => ({ action, speed: 'normal', fee: '', purpose: '' });

/** feeOf is the maximum fee that is chosen, a text; undefined while it is not known. */
export const feeOf = (draft, cost) => (draft.speed === 'own' ? typedAmount(draft.fee).amount : cost?.speeds.find((s) => s.name === draft.speed)?.max_fee);

/** check is what the page sees to be wrong: [{ field, message }]. Without all it passes over what is not filled in yet. coin is what fees are paid in;
 *  lang is the page's language. */
export function check(draft, cost, coin, all, lang) {
  if (draft.speed === 'own' && draft.fee.trim() === '' && !all) return [];
  const message = feeProblem(draft, cost, coin, lang);
  return message ? [{ field: 'fee', message }] : [];
}

function feeProblem(draft, cost, coin, lang) {
  if (draft.speed === 'own') {
    const { amount, wrong } = typedAmount(draft.fee);
    if (wrong) return wrong;
    if (isZero(amount)) return 'It is zero';
    if (coin.places !== undefined && places(amount) > coin.places) return `${coin.ticker} has ${coin.places} decimals`;
  }
  const fee = feeOf(draft, cost);
  if (!cost || fee === undefined) return undefined;
  if (compare(fee, cost.least) < 0) return `It takes at least ${number(cost.least, lang)} ${coin.ticker} to replace what was signed`;
  if (compare(fee, cost.spare) > 0) return `The account has ${number(cost.spare, lang)} ${coin.ticker} for it`;
  return undefined;
}

/** intentOf is what is asked for (shared/spec/intent.md, replace), its fields in order; the vault fills in the rest. undefined while the
 *  fee is not known. */
export function intentOf(draft, { id, intent }, cost) {
  const amount = feeOf(draft, cost), none = { amount: '', asset: '' };
  if (!cost || amount === undefined) return undefined;
  return {
    kind: 'replace', v: 1, account: intent.account, account_name: '', request: id, action: draft.action, chain: '', from: '', nonce: 0, crypto: none, to: { address: '' }, fee_before: none,
    max_fee: { amount, asset: cost.coin }, ...kept({ purpose: draft.purpose.trim() }),
  };
}

/** replaceable reports whether the transaction of a request waits for a block, so that another one may take its place. */
export const replaceable = ({ intent, sending }) => intent.kind !== 'replace' && Boolean(sending?.attempts.some((a) => a.hash)) && ['signed', 'submitted'].includes(sending.state);
