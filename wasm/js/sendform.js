// What somebody fills in to send something: the draft, what is wrong with it, and what is asked for. Pure.

import { compare, isZero, minus, places, plus } from './decimal.js';
import { certain, number, typedAmount } from './numbers.js';
import { recipientProblem } from './recipient.js';
import { intent } from './transfer.js';

/** SPEEDS are the maximum fees to choose from, in words. */
export const SPEEDS = { slow: ['Slow', 'when there is room on the chain'], normal: ['Normal', 'within a few blocks'], fast: ['Fast', 'into one of the next blocks'] };

/** empty is the draft that one begins with. */
export const empty = () => ({ account: '', asset: '', book: '', to: '', amount: '', all: false, speed: 'normal', fee: '', purpose: '', reference: '' });

export const accountOf = (vault, draft) => vault.accounts.find((a) => a.id === draft.account);
export const chainOf = (vault, id) => vault.chains.find((c) => c.id === id);
export const assetsOf = (vault, account) => chainOf(vault, account?.chain)?.assets ?? [];

/** assetOf is an asset on a chain as the vault names it; one that it does not know is called by its id. */
export const assetOf = (vault, chain, id) => chainOf(vault, chain)?.assets?.find((a) => a.id === id) ?? { id, name: id, ticker: id };

/** settled is a draft whose choices exist: an account, and an asset that it can hold. */
export function settled(draft, vault) {
  const account = accountOf(vault, draft) ?? vault.accounts[0], assets = assetsOf(vault, account);
  const asset = assets.some((a) => a.id === draft.asset) ? draft.asset : assets[0]?.id ?? '';
  return { ...draft, account: account?.id ?? '', asset };
}

/** feeOf is the maximum fee that is chosen, a text; undefined while it is not known. */
export function feeOf(draft, cost) {
  if (draft.speed === 'own') return typedAmount(draft.fee).amount;
  return cost?.speeds.find((s) => s.name === draft.speed)?.max_fee;
}

/** most is all of it: what is available, less the fee where that is paid in the same. undefined while it is not known. */
export function most(draft, cost) {
  if (!cost || cost.asset !== draft.asset) return undefined;
  if (cost.coin !== cost.asset) return cost.available;
  const fee = feeOf(draft, cost);
  if (fee === undefined) return undefined;
  return compare(cost.available, fee) > 0 ? minus(cost.available, fee) : '0';
}

/** amountOf is how much is to be sent, a text; undefined while that is not known. */
export const amountOf = (draft, cost) => (draft.all ? most(draft, cost) : typedAmount(draft.amount).amount);

/** after is what is left of the asset, and of the coin where that is another, if all of the fee is taken; below 0 where it does not
 *  reach. undefined while it is not known. */
export function after(draft, cost) {
  const amount = amountOf(draft, cost), fee = feeOf(draft, cost);
  if (!cost || cost.asset !== draft.asset || amount === undefined || fee === undefined) return undefined;
  return cost.coin === cost.asset ? { asset: minus(cost.available, plus(amount, fee)) } : { asset: minus(cost.available, amount), coin: minus(cost.spare, fee) };
}

/** check is what the page sees to be wrong: [{ field, message }]. Without all it passes over what is not filled in yet. lang is the
 *  language that numbers are written in. */
export function check(draft, vault, cost, all, lang) {
  const errors = [], wrong = (field, message) => { if (message) errors.push({ field, message }); }, account = accountOf(vault, draft);
  if (!account) return [{ field: 'account', message: 'The vault has no account' }];
  if (all || looked(draft.to)) wrong('to', recipientProblem(draft.to.trim(), account, vault));
  if (all || draft.all || draft.amount.trim() !== '') wrong('amount', amountProblem(draft, vault, account, cost));
  if (draft.speed === 'own' && (all || draft.fee.trim() !== '')) wrong('fee', figure(draft.fee, vault, account, cost?.coin));
  if (errors.some((e) => e.field === 'amount')) return errors;
  const left = after(draft, cost), amount = amountOf(draft, cost);
  if (left ? left.asset.startsWith('-') : cost?.asset === draft.asset && amount !== undefined && compare(amount, cost.available) > 0) wrong('amount', short(draft, vault, account, cost, lang));
  if (left?.coin?.startsWith('-')) wrong('fee', `The account has ${number(cost.spare, lang)} ${assetOf(vault, account.chain, cost.coin).ticker} for fees`);
  return errors;
}

// looked reports whether an address is far enough typed to be judged.
const looked = (to) => to.trim().length >= 25 || /\.[a-z]{2,}$/i.test(to.trim());

/** meant are the amounts that one press puts in the place of one that can mean two: [{ value, amount }]; undefined for another. */
export const meant = (typed) => typedAmount(typed).may?.map((amount) => ({ value: certain(amount), amount }));

// figure is what is wrong with an amount of an asset as it is typed.
function figure(typed, vault, account, id) {
  const { amount, wrong, may } = typedAmount(typed);
  if (wrong) return may ? 'Which of the two do you mean?' : wrong;
  if (isZero(amount)) return 'It is zero';
  const asset = id && assetOf(vault, account.chain, id);
  return asset && asset.places !== undefined && places(amount) > asset.places ? `${asset.ticker} has ${asset.places} decimals` : undefined;
}

function amountProblem(draft, vault, account, cost) {
  if (!draft.all) return figure(draft.amount, vault, account, draft.asset);
  const amount = most(draft, cost);
  return amount !== undefined && isZero(amount) ? 'Nothing is left of it after the fee' : undefined;
}

function short(draft, vault, account, cost, lang) {
  const has = `The account has ${number(cost.available, lang)}`, { ticker } = assetOf(vault, account.chain, draft.asset), fee = cost.coin === cost.asset && feeOf(draft, cost) !== undefined;
  if (fee && compare(cost.available, feeOf(draft, cost)) <= 0) return `${has} ${ticker}, which does not pay the fee`;
  return `${has} ${ticker}${fee ? `: with the fee, at most ${number(most(draft, cost), lang)} can be sent` : ''}`;
}

/** dust reports whether the fee may be more than what is sent. */
export function dust(draft, cost) {
  const amount = amountOf(draft, cost), fee = feeOf(draft, cost);
  return Boolean(cost && cost.coin === cost.asset && amount && fee && !isZero(amount) && compare(amount, fee) < 0);
}

/** intentOf is that of a draft; undefined while an amount is not known. */
export function intentOf(draft, cost) {
  const amount = amountOf(draft, cost), fee = feeOf(draft, cost);
  if (!cost || cost.asset !== draft.asset || amount === undefined || fee === undefined) return undefined;
  return intent({ account: draft.account, asset: draft.asset, to: draft.to.trim(), amount, coin: cost.coin, fee, purpose: draft.purpose, reference: draft.reference });
}

// The parts of an intent as the gateway names them, and the fields of the form.
const PLACED = { 'to.address': 'to', 'crypto.amount': 'amount', 'crypto.asset': 'asset', 'max_fee.amount': 'fee', 'max_fee.asset': 'fee', account: 'account', purpose: 'purpose', reference: 'reference', asset: 'asset', to: 'to', amount: 'amount' };

/** placed is a refusal at the field that it names: { field, message } in plain words; undefined when it names none. */
export function placed({ field, message }) {
  const at = PLACED[field];
  if (!at) return undefined;
  const i = message.indexOf(`${field} `), said = i < 0 ? message : `it ${message.slice(i + field.length + 1)}`;
  return { field: at, message: said.replace(/^./, (s) => s.toUpperCase()) };
}
