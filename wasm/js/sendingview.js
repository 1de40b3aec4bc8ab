// What became of a transfer: to whom it goes, and how far its transaction is on the chain. Pictures for
// the painter. Pure.

import { decimal } from './decimal.js';
import { address, card, el, fact, icon, identifier, notice, plural, text, trouble, upper } from './nodes.js';
import { number } from './numbers.js';
import { called, known } from './recipient.js';
import { assetOf } from './sendform.js';
import { replaceable } from './replace.js';
import { offers, replacePicture } from './replaceview.js';
import { signaturePicture, spokenOf } from './signatureview.js';

/** OVER are the states of a sending to which nothing more happens. */
export const OVER = new Set(['confirmed', 'failed', 'replaced', 'lapsed']);

/** sendingPicture: request and vault are holders, { value, error }, of GET /v1/requests/{id} and GET /v1/vault; lang is the page's language;
 *  replacing is what replacing.js keeps while somebody replaces it. */
export function sendingPicture({ request, vault, lang, replacing }) {
  if (!request.value) return request.error ? trouble(request.error, 'again') : card('Recipient', '', [1, 2].map((key) => el('span', 'skeleton is-line', { key })));
  if (request.value.signature) return text('div', 'stack', request.error && trouble(request.error, 'again'), signaturePicture(request.value.signature, lang));
  const r = request.value, i = r.intent, f = { i, lang, vault: vault.value, coin: vault.value ? assetOf(vault.value, i.chain, i.max_fee.asset) : { ticker: i.max_fee.asset } };
  return text('div', 'stack', request.error && trouble(request.error, 'again'), i.action !== 'CANCEL' && to(f), r.sending && progress(r, f, replacing), replacing && replaceable(r) && replacePicture(replacing, f));
}

// to is whom the vault has a name for, or that it has none.
function to({ i, vault }) {
  const who = vault && known(vault, i.chain, i.to.address);
  return card('Recipient', '', text('div', 'stack is-tight',
    who && (who.length > 0 ? text('p', 'strong', upper(called(who))) : text('p', '', text('strong', '', 'An address without a name'), ': it is in no whitelist of the vault, and of none of its accounts.')),
    text('p', '', address(i.to.address))));
}

const ORDER = ['approved', 'signed', 'submitted', 'included', 'confirmed'];

/** stepsOf are the steps on the way, each with its state: done, current, failed or ''. */
export function stepsOf(s, lang) {
  const failed = s.state === 'failed', replaced = s.state === 'replaced', lapsed = s.state === 'lapsed' || replaced && s.attempts.length === 0;
  const at = ORDER.indexOf(failed ? 'included' : replaced ? 'submitted' : s.state);
  const steps = [
    ['signed', 'Signed', s.attempts.length > 1 ? `${s.attempts.length} times, with higher fees` : 'by the vault’s own key'],
    ['submitted', 'Sent', 'a node of the chain has it'],
    ['included', replaced ? 'Replaced' : 'In a block', s.block === undefined ? 'waits for room in one' : `number ${number(String(s.block), lang)}`],
    ['confirmed', failed ? 'Not carried out' : 'Confirmed', failed ? 'nothing was moved' : s.block === undefined ? '' : `${Math.min(s.confirmations, s.needed)} of ${plural(s.needed, 'block')}`],
  ];
  return steps.map(([name, title, said]) => {
    const place = ORDER.indexOf(name), state = failed && name === 'confirmed' || lapsed && name === 'signed' || replaced && !lapsed && name === 'included' ? 'failed' : !lapsed && place <= at ? 'done' : !lapsed && !failed && !replaced && place === at + 1 ? 'current' : '';
    return { name, title, said: state || said.startsWith('number') ? said : '', state };
  });
}

const MARKS = { done: 'check', failed: 'cross' };

const STATES = {
  approved: 'The vault is about to sign it', signed: 'Signed, and about to be sent', submitted: 'Waits to be taken into a block',
  included: 'In a block, and waits for confirmations', confirmed: 'It arrived', failed: 'Failed', lapsed: 'Its approval ended',
  replaced: 'Another transaction is in a block in its place',
};

function progress(r, f, replacing) {
  const s = r.sending;
  const said = STATES[s.state] ?? s.state;
  return card('On the chain', '', text('div', 'stack',
    text('p', 'strong', said),
    text('div', '', el('ol', 'track', { 'aria-label': 'How far it is' }, stepsOf(s, f.lang).map(({ name, title, said, state }, i) => el('li', `step ${state && `is-${state}`}`.trim(), { key: name, ...(state === 'current' && { 'aria-current': 'step' }) },
      text('span', 'step-mark', MARKS[state] ? icon(MARKS[state]) : String(i + 1)), text('div', 'step-body', text('strong', 'step-title', title), said && text('p', 'step-text', said), state && el('span', 'visually-hidden', {}, `: ${state}`)))))),
    s.state === 'lapsed' && notice('is-warning', 'clock', 'Nothing was sent', 'The approval ended before the chain took as little as was approved. A new request, with a higher maximum fee, sends it.'),
    s.state === 'replaced' ? notice('is-info', 'info', 'Only one of them gets into a block', s.reason ? `${upper(s.reason)}.` : '') : s.state === 'failed' ? notice('is-negative', 'alert', 'Nothing was moved', s.reason ? `${upper(s.reason)}.` : '') : s.reason && s.state !== 'lapsed' && notice('is-info', 'info', 'Why it is not further', `${upper(s.reason)}.`),
    facts(s, f), !replacing && replaceable(r) && offers()));
}

function facts(s, f) {
  const rows = [
    s.hash && fact('Transaction', identifier(s.hash, 'transaction')), s.block !== undefined && fact('Block', number(String(s.block), f.lang)),
    s.fee ? fact('Fee paid', money(s.fee, f), text('span', 'small muted', ` of at most ${number(f.i.max_fee.amount, f.lang)}`)) : fact('Fee at most', money(f.i.max_fee.amount, f)),
  ];
  return text('div', 'stack is-tight', text('dl', 'facts', rows), s.attempts.length > 1 && attempts(s, f));
}

const money = (amount, { coin: { ticker }, lang }) => el('span', 'amount', { title: `${amount} ${ticker}` }, text('span', 'amount-value', number(amount, lang)), '\u00a0', text('span', 'amount-unit', ticker));

// attempts are the same but for their fees; one of them at most gets into a block.
function attempts(s, f) {
  return el('details', '', {}, text('summary', '', `${s.attempts.length} attempts, of which one gets into a block`), text('dl', 'facts', s.attempts.map((a, n) => el('div', 'fact', { key: n },
    text('dt', '', `${n + 1}. Fee at most `, money(feeOf(a, f.coin), f)), text('dd', '', a.hash ? identifier(a.hash, 'transaction') : text('span', 'muted', 'about to be signed'))))));
}

/** feeOf is the most that an attempt may cost. Coins of chains of eip155 have 18 decimals. */
export const feeOf = ({ fees }, { places = 18 }) => decimal(BigInt(fees.gas) * BigInt(fees.max_fee_per_gas), places);

/** saidOf is how far it is, in a word. */
export const saidOf = ({ sending: s, signature } = {}) => (signature ? spokenOf(signature) : s ? `${STATES[s.state] ?? s.state}${s.state === 'included' ? `: ${s.confirmations} of ${s.needed}` : ''}.` : '');
