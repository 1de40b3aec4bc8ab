// What sends and receives in the gallery: the form as somebody left it, what became of a transfer, how
// an account receives, and what providers promised and delivered.

import { booksPicture } from './booksview.js';
import { receivePicture } from './receivepart.js';
import { recordPicture } from './recordview.js';
import { check, empty, settled } from './sendform.js';
import { sendingPicture } from './sendingview.js';
import { sendPicture } from './sendview.js';

const ACME = '0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf', PAYEE = '0x52908400098527886E0F7030069857D2E4169EE7';
const COST = { asset: 'ethereum', available: '1234.084904123456789012', coin: 'ethereum', spare: '1234.084904123456789012', speeds: [{ name: 'slow', max_fee: '0.00004' }, { name: 'normal', max_fee: '0.00007' }, { name: 'fast', max_fee: '0.00013' }], contract: false };
const ANSWER = {
  decision: { state: 'PENDING_APPROVAL', rule: 'Suppliers', reasons: [], expires: '2026-11-27T21:00:00Z' }, rules: [{ rule: 'Everyday purchases', result: 'UNMET', why: 'it is a transfer' }],
  remaining: [{ step: 1, name: 'approval', quorums: [{ needed: 2, members: ['mem_alice', 'mem_bob', 'mem_carol'] }] }], windows: [{ rule: 'Suppliers', currency: 'ethereum', seconds: 86400, max: '50', spent: '1.5', left: '48.5' }],
};
const DENIED = { decision: { state: 'DENIED', rule: '', reasons: ['no rule allows this'] }, rules: [{ rule: 'Suppliers', result: 'UNMET', why: 'the address is not in Suppliers' }], windows: [], remaining: [] };

// form is the form with what was filled in.
const form = (filled, more = {}, all = false) => ({ vault }) => {
  const draft = { ...settled({ ...empty(), ...filled }, vault) }, cost = 'cost' in more ? more.cost : COST;
  return sendPicture({ lang: 'en', vault: { value: vault }, draft, cost, dry: {}, errors: check(draft, vault, cost, all), ...more });
};

const attempt = (n) => ({ nonce: 7, fees: { gas: 21000, max_fee_per_gas: `${n + 1}000000000`, max_priority_fee_per_gas: '1000000000' }, hash: `0x${String(n).repeat(64)}`, signed_at: '2026-11-20T21:06:00Z' });
const stuck = (to, sending = { state: 'submitted' }) => ({ id: 'req_a', intent: { kind: 'transfer', v: 1, account: 'acc_treasury', chain: 'eip155:31337', crypto: { amount: '1.5', asset: 'ethereum' }, to: { address: to }, max_fee: { amount: '0.00013', asset: 'ethereum' } }, sending: sending && { attempts: [attempt(1)], confirmations: 0, needed: 12, ...sending } });
const transfer = (sending, to = ACME) => ({ vault }) => sendingPicture({ vault: { value: vault }, request: { value: stuck(to, sending ?? null) } });
const replacing = (draft, more) => ({ vault }) => sendingPicture({ lang: 'en', vault: { value: vault }, request: { value: stuck(ACME) }, replacing: {
  draft: { speed: 'normal', fee: '', purpose: '', ...draft }, dry: { value: ANSWER }, errors: [], ...more,
  cost: { coin: 'ethereum', spare: '1.2', fee_before: '0.00013', least: '0.000143', speeds: [{ name: 'slow', max_fee: '0.000143' }, { name: 'normal', max_fee: '0.0002' }, { name: 'fast', max_fee: '0.0004' }] },
} });
const mined = { hash: attempt(2).hash, block: 20_482_117, fee: '0.0000315', attempts: [attempt(1), attempt(2)] };

const line = (at, type, amount, balance_after, said) => ({ id: `bkg_${at}`, at: `2026-11-${at}T10:00:00Z`, type, text: said, asset: 'ethereum', amount, balance_after });
const STATEMENT = {
  from: '2026-11-01T00:00:00Z', to: '2026-12-01T00:00:00Z', server_time: '2026-11-20T21:00:00Z', opening: [{ asset: 'ethereum', amount: '2' }], closing: [{ asset: 'ethereum', amount: '5.499979' }, { asset: 'ethereum/erc20/sandbox_dollar', amount: '250' }],
  lines: [line('04', 'deposit', '3', '5', 'Received 3 ETH from NorthPay'), line('09', 'withdrawal', '-4.5', '0.5', 'Sent 4.5 ETH to the supplier'), line('09', 'fee', '-0.000021', '0.499979', 'Network fee of 0.000021 ETH'), line('16', 'deposit', '5', '5.499979', 'Received 5 ETH, not asked for')],
};
const books = (more, draft = {}) => () => booksPicture({ lang: 'en', names: { ethereum: { name: 'Ethereum', ticker: 'ETH' }, 'ethereum/erc20/sandbox_dollar': { name: 'Sandbox dollar', ticker: 'SANDUSD' } }, days: { from: '2026-11-01', to: '2026-12-01', open: true }, statement: { value: STATEMENT },
  draft: { choice: 'month', from: '', last: '', format: 'zip', asset: 'ethereum', ...draft }, ...more });
const signed = (signature) => () => sendingPicture({ vault: {}, request: { value: { intent: { kind: 'message' }, signature: { address: PAYEE, digest: 'qnRLospXbsYsoAReygCtORf99_-jT7uuUIKKWmnBWA4', ...signature } } } });

const order = (n, more) => ({ order: `ord_${n}`, state: 'completed', fiat: { amount: '1250', currency: 'EUR' }, promised: { amount: '0.42', asset: 'ethereum' }, created_at: `2026-11-${20 - n}T09:30:00Z`, ...more });
const ORDERS = [
  order(1, { state: 'processing' }), order(2, { delivered: { amount: '0.4189', asset: 'ethereum' }, difference: '-0.0011', difference_pct: '-0.26', seconds: 340 }), order(3, { state: 'refunded' }), order(4, { state: 'failed' }),
  order(5, { delivered: { amount: '0.42', asset: 'ethereum' }, difference: '0', difference_pct: '0.00', seconds: 5400 }),
];
const record = (more) => ({ vault }) => recordPicture({ at: 'northpay', lang: 'en', providers: { value: { providers: [{ id: 'northpay', name: 'Northpay', circuit: 'closed' }, { id: 'meridian', name: 'Meridian', circuit: 'open' }] } }, vault: { value: vault },
  history: { value: { provider: 'northpay', record: { delivered: 2, ended: 4, delivery_ratio: '0.998690', completion_odds: '0.857143' }, ranking: { orders: 50, prior: 10, formula: 'quoted × delivery_ratio × completion_odds' }, items: ORDERS, next_cursor: 'ord_5' } }, ...more });

/** SENDS are pictures by name, made of the sample. */
export const SENDS = {
  'send--start': form({}), 'send--loading': () => sendPicture({ vault: {}, dry: {} }), 'send--unknown-cost': form({ to: PAYEE, amount: '1' }, { cost: undefined }),
  'send--filled': form({ account: 'acc_trading', book: ACME, to: ACME, amount: '1.5', purpose: 'Invoice 2026-117' }, { dry: { value: ANSWER }, cost: { ...COST, contract: true } }),
  'send--pasted': form({ to: PAYEE, all: true, speed: 'own', fee: '0.0001' }, { dry: { value: DENIED } }), 'send--wrong': form({ to: ACME.toLowerCase(), amount: '9999', speed: 'own', fee: 'x' }, {}, true),
  'send--two-ways': form({ to: PAYEE, amount: '1.000', speed: 'own', fee: '12,500' }, { lang: 'de' }, true),
  'record--provider': record({}), 'record--providers': record({ at: '' }), 'record--none': record({ history: { value: { provider: 'northpay', record: { delivered: 0, ended: 0 }, items: [] } } }), 'record--failed': record({ history: { error: { code: 'GATEWAY_UNREACHABLE', message: 'the gateway does not answer' } } }),
  'send--dust': form({ to: PAYEE, amount: '0.00003' }, { cost: { ...COST, refused: 'the account has less than the amount and the fee' }, dry: { busy: true } }),
  'send--refused': form({ to: PAYEE, amount: '1' }, { failed: { code: 'SIGNER_UNAVAILABLE', message: 'the vault’s signer does not answer', remedy: 'Try again in a moment. Nothing was sent.' } }),
  'send--not-watched': form({ to: PAYEE, amount: '1' }, { cost: undefined, refusal: { code: 'NOT_ELIGIBLE', message: 'nothing can be sent on Sandbox chain at present: its node does not answer' } }),
  'send--asked': form({}, { made: { id: 'req_dddddddddddddddddddddddddd', sentence: 'Send 1.5 ethereum from account Treasury' } }),
  'sending--pending': transfer(), 'sending--unnamed': transfer(undefined, PAYEE), 'sending--approved': transfer({ state: 'approved', attempts: [], reason: 'the chain takes more now than the 0.00013 ETH that were approved: it goes on when the chain takes less, or with a request for more' }),
  'sending--stuck': transfer({ state: 'submitted' }), 'sending--speed-up': replacing({ action: 'SPEED_UP' }), 'sending--cancel': replacing({ action: 'CANCEL', speed: 'own', fee: '0.00001' }, { dry: {}, errors: [{ field: 'fee', message: 'It takes at least 0.000143 ETH to replace what was signed' }] }),
  'sending--included': transfer({ state: 'included', ...mined, confirmations: 2 }), 'sending--confirmed': transfer({ state: 'confirmed', ...mined, confirmations: 14 }),
  'sending--failed': transfer({ state: 'failed', ...mined, confirmations: 14, reason: 'the chain took it into a block and did not carry it out: nothing was moved, and the fee was paid' }), 'sending--lapsed': transfer({ state: 'lapsed', attempts: [] }),
  'books--month': books({}), 'books--none': books({ statement: { value: { ...STATEMENT, opening: [], closing: [], lines: [] } } }), 'books--loading': books({ statement: {} }),
  'books--own': books({ days: { wrong: 'The last day is before the first' } }, { choice: 'own', from: '2026-11-20', last: '2026-11-01' }),
  'books--refused': books({ failed: { code: 'INVALID_REQUEST', message: 'the period has more than 50000 lines: ask for a shorter one' } }),
  'sending--signature': signed({ state: 'signed', signature: `0x${'2c4a5b5f'.repeat(16)}1b`, signed_at: '2026-11-20T21:06:00Z' }), 'sending--signature-waits': signed({ state: 'approved', reason: 'the vault’s signer does not answer' }), 'sending--signature-lapsed': signed({ state: 'lapsed', reason: 'the vault’s keys were rotated before it was signed' }),
  'receive--account': () => receivePicture({ chain: 'eip155:31337', address: ACME, name: 'Sandbox chain' }), 'receive--damaged': () => receivePicture({ chain: 'eip155:31337', address: ACME.replace('f', 'e'), name: 'Sandbox chain' }),
};
