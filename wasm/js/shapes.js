// From the gateway's bodies (shared/spec/wire.md) to the shapes that the package
// promises (client.d.ts).

import { fail } from './errors.js';
import { problem } from './port.js';

// quoteInput is what the page wants to buy, as the gateway is asked. Amounts are
// decimal text: a number has lost digits already, and a grouped one can mean two.
export function quoteInput(input) {
  const wrong = (code, field, message, remedy) => { throw fail(code, message, { field, remedy }); };
  const amount = input?.pay?.amount;
  if (typeof amount !== 'string') wrong('PROP_INVALID', 'pay.amount', 'An amount is decimal text', 'Pass "1250.50", not 1250.5.');
  if (/^\d{1,3}([., '\u00a0\u2009\u202f]\d{3})+$/.test(amount) && !/^\d+\.\d+$/.test(amount)) wrong('AMOUNT_AMBIGUOUS', 'pay.amount', `${amount} can mean two amounts`, 'Write it without grouping, with a point before decimals.');
  if (!/^\d{1,40}(\.\d{1,40})?$/.test(amount)) wrong('AMOUNT_INVALID', 'pay.amount', 'That is not an amount', 'Write digits, with a point before decimals.');
  const text = (field, v) => { if (typeof v !== 'string' || v === '') wrong('PROP_INVALID', field, `${field} is missing`, 'See QuoteInput in the types.'); return v; };
  return { from: text('pay.currency', input.pay.currency), to: text('asset', input.asset), amount, payment_method: text('method', input.method), country: text('country', input.country) };
}

export function quoteOf(r, account) {
  const from = Date.parse(r.received_at), s = r.settlement_seconds;
  return {
    id: r.id, provider: { id: r.provider, name: r.provider_name }, receive: r.crypto_amount, asset: r.asset, rate: r.unit_price,
    pay: { amount: r.fiat_amount, currency: r.fiat }, fees: r.fees ? r.fees.map(({ type, amount, currency }) => ({ kind: type, amount, currency })) : 'not disclosed',
    firmUntil: r.price_type === 'firm' ? r.expires_at : undefined, expires: r.expires_at,
    arrives: s ? { from: new Date(from + s.min * 1000).toISOString(), to: new Date(from + s.max * 1000).toISOString() } : undefined,
    identity: r.kyc, best: r.best, rank: r.rank, account,
  };
}

const FIELDS = { from: ['pay', 'currency'], to: ['asset'], amount: ['pay', 'amount'], payment_method: ['method'], country: ['country'] };

// rowOf is one provider's answer: { row } or { out }.
export function rowOf({ row, out }, account) {
  if (row) return { state: 'quoted', quote: quoteOf(row, account) };
  const provider = { id: out.provider, name: out.provider_name }, reason = fail(out.code, out.message, { remedy: out.fix?.text });
  if (out.stage !== 'eligibility' || ['CIRCUIT_OPEN', 'CAPABILITIES_UNAVAILABLE'].includes(out.code)) return { state: out.code === 'TIMEOUT' ? 'late' : 'down', provider, reason };
  return { state: 'ineligible', provider, reason, limits: out.params, fix: out.fix && fixOf([out.fix, ...(out.fix.also ?? [])]) };
}

// fixOf is what must change in the input.
function fixOf(changes) {
  const fix = {};
  for (const { field, value } of changes) {
    const [name, inner] = FIELDS[field] ?? [];
    if (inner) fix[name] = { ...fix[name], [inner]: value };
    else if (name) fix[name] = value;
  }
  return fix;
}

// rowsOf are the rows as they are shown while they come: prices first, best first.
export function rowsOf(rows) {
  const order = { quoted: 0, waiting: 1, late: 2, ineligible: 3, down: 4 };
  return [...rows.values()].sort((a, b) => order[a.state] - order[b.state] || (a.quote && b.quote ? more(b.quote.receive, a.quote.receive) : 0));
}

// more compares decimal texts of any length: above 0 when a is more than b.
export function more(a, b) {
  const [x, y] = [a, b].map((s) => { const [whole, part = ''] = s.split('.'); return [whole.replace(/^0+(?=\d)/, ''), part]; });
  if (x[0].length !== y[0].length) return x[0].length - y[0].length;
  const n = Math.max(x[1].length, y[1].length), l = x[0] + x[1].padEnd(n, '0'), r = y[0] + y[1].padEnd(n, '0');
  return l === r ? 0 : l > r ? 1 : -1;
}

const STATES = { decide: ['pending_initiation', 'pending'], ready: ['approved'], 'at-provider': ['ordered'], sending: ['approved'], done: ['completed', 'approved'], failed: ['failed'], cancelled: ['cancelled'], expired: ['expired', 'lapsed'], rejected: ['rejected', 'blocked'] };

// stateOf is what a request wants next. What is approved waits to be paid, or is on its way, and a change of
// the vault is done with that.
const APPROVED = { buy: 'ready', transfer: 'sending', replace: 'sending', message: 'sending' };
const stateOf = ({ state, intent }) => (state === 'approved' ? APPROVED[intent?.kind] ?? 'done' : Object.keys(STATES).find((s) => STATES[s].includes(state)) ?? state);

export function purchaseOf(r) {
  const i = r.intent ?? {};
  return {
    id: r.id, state: stateOf(r), sentence: r.sentence, kind: i.kind, needs: r.needed, have: r.approved,
    approvals: r.approvers.filter((a) => a.decision === 'APPROVE').map(({ member, name, at }) => ({ member, name, at })),
    waiting: r.approvers.filter((a) => !a.decision).map(({ member, name }) => ({ member, name })),
    until: (r.state === 'approved' && r.use_by) || r.expires_at, order: r.order || undefined,
    ...(i.kind === 'buy' && { pay: i.fiat, receive: i.crypto, minimum: i.minimum, provider: { id: i.provider, name: i.provider_name }, account: i.account, quote: i.quote }),
    ...(i.kind === 'transfer' && { send: i.crypto, to: i.to.address, maxFee: i.max_fee, account: i.account }),
    ...(i.kind === 'message' && { account: i.account }),
    ...(r.sending && { sending: sendingOf(r.sending) }),
    ...(r.signature && { signature: signatureOf(r.signature) }),
    purpose: i.purpose, reference: i.reference,
  };
}

const sendingOf = ({ state, hash, block, confirmations, needed, fee, reason, attempts, replaced_by: by }) => ({
  state, confirmations, needed, ...(hash && { hash }), ...(block !== undefined && { block }), ...(fee && { fee }), ...(reason && { reason }), ...(by && { replacedBy: by }),
  attempts: attempts.map(({ nonce, hash, signed_at, fees }) => ({ nonce, ...(hash && { hash }), signedAt: signed_at, fees: { gas: fees.gas, maxFeePerGas: fees.max_fee_per_gas, maxPriorityFeePerGas: fees.max_priority_fee_per_gas } })),
});

const signatureOf = ({ state, address, digest, signature, signed_at: at, reason }) => ({ state, address, digest, ...(signature && { signature, signedAt: at }), ...(reason && { reason }) });

/** costOf is what a transfer would cost. */
export const costOf = ({ asset, available, coin, spare, speeds, contract, refused }) => ({
  asset, available, coin, spare, speeds: Object.fromEntries(speeds.map((s) => [s.name, s.max_fee])), contract, ...(refused && { refused }),
});

/** transferInput is what is to be sent, as the vault is asked: the fields of an intent. */
export function transferInput(input) {
  const wrong = (code, field, message, remedy) => { throw fail(code, message, { field, remedy }); };
  const text = (field, v) => { if (typeof v !== 'string' || v === '') wrong('PROP_INVALID', field, `${field} is missing`, 'See TransferInput in the types.'); return v; };
  const amount = (field, v) => { if (!/^(0|[1-9]\d{0,39})(\.\d{1,40})?$/.test(text(field, v))) wrong('AMOUNT_INVALID', field, 'That is not an amount', 'Write digits, with a point before decimals.'); return v; };
  return {
    account: text('account', input?.account), asset: text('asset', input.asset), to: text('to', input.to), amount: amount('amount', input.amount),
    coin: text('maxFee.asset', input.maxFee?.asset), fee: amount('maxFee.amount', input.maxFee?.amount), purpose: input.purpose, reference: input.reference,
  };
}

const ORDER = { created: 'created', redirected: 'pending', processing: 'pending', completed: 'delivered', on_hold: 'on hold' };

export function orderOf(o, gateway) {
  return {
    id: o.id, request: o.request, state: ORDER[o.state] ?? o.state, provider: { id: o.provider, name: o.provider_name }, pay: o.fiat,
    asset: o.promised.asset, promised: o.promised.amount, minimum: o.minimum, delivered: o.delivered?.amount, difference: o.difference || undefined,
    url: o.ticket ? gateway + o.ticket.url : undefined, urlUntil: o.ticket?.expires_at,
  };
}

// historyOf is a provider's record, and its orders.
export function historyOf({ provider, record: r, items, next_cursor: next }) {
  return {
    provider, next, record: { delivered: r.delivered, ended: r.ended, deliveryRatio: r.delivery_ratio, completionOdds: r.completion_odds },
    items: items.map((d) => ({ order: d.order, state: ORDER[d.state] ?? d.state, pay: d.fiat, asset: d.promised.asset, promised: d.promised.amount, delivered: d.delivered?.amount, difference: d.difference || undefined, seconds: d.seconds, createdAt: d.created_at })),
  };
}

// change is what a request or an order became since it was last seen, "" for nothing new.
// Without a sight of it before, that is what its state says.
export function change(now, was) {
  if (now.promised) return now.state === was?.state ? '' : now.state === 'completed' ? 'delivered' : !was && now.state === 'created' ? 'ordered' : '';
  const waits = now.state === 'pending' || now.state === 'pending_initiation';
  if (!was) return waits ? (now.approved ? 'approved' : 'requested') : { approved: 'approved', rejected: 'rejected' }[now.state] ?? '';
  if (now.state === 'rejected') return was.state === 'rejected' ? '' : 'rejected';
  const further = was.state === 'pending' && (now.state === 'approved' || now.step > was.step); // each step counts its own approvals
  return further || now.approved > was.approved ? 'approved' : '';
}

// bridgeOf is how the bridge stands; devices brings the identities again.
export function bridgeOf(was, type, detail) {
  if (type === 'devices') return { ...was, identities: (detail ?? []).map(identity) };
  const { state, problem: why, step, route, code, name, identities, error } = detail;
  return {
    state, ...(why && { problem: why }), ...(step && { step }), ...(route && { route }), ...(code && { code }), ...(name && { name }),
    ...(identities && { identities: identities.map(identity) }), ...(error && { error: problem(error) }),
  };
}

const identity = (i) => ({ entity: i.entity, member: i.member, name: i.member_name, device: i.device, present: i.present, locked: i.locked, holder: i.holder });

// approvable is the member at this computer who may still decide on the request: first
// one whose device is there and free.
export function approvable(request, identities = []) {
  const may = identities.filter((i) => i.entity === request.entity && request.approvers.some((a) => a.member === i.member && !a.decision));
  return (may.find((i) => i.present && !i.holder) ?? may.find((i) => i.present) ?? may[0])?.member;
}

// stepOf is how a decision goes, as the page is told; nothing when a prompt closed.
export function stepOf({ prompt, lines, signed, have, of, verdict }) {
  if (verdict) return verdict.error ? undefined : { step: 'verified', have: verdict.have, of: verdict.of };
  if (signed) return { step: 'signed' };
  if (lines) return { step: 'on the bridge', lines: lines.split('\n') };
  if (of) return { step: 'on the bridge', have: have ?? 0, of };
  if (!prompt?.open || prompt.kind === 'pairing') return undefined;
  return prompt.kind === 'pin' ? { step: 'pin', again: prompt.again, until: prompt.ends } : { step: 'on the bridge', until: prompt.ends };
}

const PAGES = 20; // that are looked through for one that has something

// fitting is the next page of requests, from a gateway that knows neither words nor two
// states at once: what does not fit is left out, and a page with nothing else passed over,
// because a host takes an empty one for the end.
export async function fitting(ask, { state, text, cursor }) {
  const states = state && (STATES[state] ?? [state]), words = text?.toLowerCase();
  const fits = (r) => (!state || stateOf(r) === state) && (!words || `${r.id} ${r.sentence} ${JSON.stringify(r.intent)}`.toLowerCase().includes(words));
  for (let next = cursor, n = 1; ; n++) {
    const page = await ask({ ...(states?.length === 1 && { state: states[0] }), ...(next && { cursor: next }) });
    const items = page.items.filter(fits);
    next = page.next_cursor;
    if (items.length || !next || n === PAGES) return { items, next };
  }
}
