// node --test wasm/js: what a provider promised, and what arrived.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { register } from 'node:module';
import test from 'node:test';

// wasm_exec.js is generated; nothing here starts a module.
register(`data:text/javascript,${encodeURIComponent(`export const resolve = (name, context, next) => name === './wasm_exec.js'
  ? { url: 'data:text/javascript,export const Go = undefined, run = undefined', shortCircuit: true } : next(name, context);`)}`);
const { pathOf } = await import('./record.js');
const { percent, recordPicture } = await import('./recordview.js');
const { historyOf } = await import('./shapes.js');

const { vault } = JSON.parse(readFileSync(new URL('../../web/dashboard/gallery/page/vault.json', import.meta.url)));
const words = (node) => (typeof node === 'string' ? node : Array.isArray(node) ? (node[2] ?? []).map(words).join(' ') : '').replace(/[ \n\u00a0]+/g, ' ');
const order = (more) => ({ order: 'ord_a', state: 'completed', fiat: { amount: '1250.5', currency: 'EUR' }, promised: { amount: '0.5', asset: 'ethereum' }, delivered: { amount: '0.4995', asset: 'ethereum' }, difference: '-0.0005', difference_pct: '-0.10', seconds: 340, created_at: '2026-11-20T12:00:00Z', ...more });
const history = (more) => ({ provider: 'northpay', record: { delivered: 1, ended: 2, delivery_ratio: '0.998700', completion_odds: '0.916667' }, ranking: { orders: 50, prior: 10, formula: 'quoted × r' }, items: [order()], ...more });
const picture = (more) => words(recordPicture({ at: 'northpay', lang: 'de', providers: { value: { providers: [{ id: 'northpay', name: 'Northpay', circuit: 'open' }] } }, vault: { value: vault }, history: { value: history() }, ...more }));

test('a share is said in percent, exactly', () => {
  for (const [share, said] of [['1.000000', '100'], ['0.998700', '99.87'], ['0.05', '5'], ['0', '0'], ['0.923077', '92.3077']]) assert.equal(percent(share, 'en'), `${said}\u00a0%`);
});

test('each order says what was promised, what arrived and how long it took, as the language writes it', () => {
  const shown = picture();
  assert.match(shown, /Northpay .*Delivered 1 of 2 .*99,87 % arrived.*91,6667 %.*1\u202f250,5 EUR.*0,5 ETH.*arrived: 0,4995 ETH.*\(−0,0005, −0,10 %\).*after 6 minutes.*Delivered/);
  assert.doesNotMatch(shown, /Show older/);
  assert.match(picture({ history: { value: history({ next_cursor: 'ord_a' }) } }), /Show older/);
  assert.match(picture({ history: { value: history({ items: [order({ delivered: { amount: '0.5', asset: 'ethereum' }, difference: '0', difference_pct: '0.00' })] }) } }), /arrived: 0,5 ETH , as promised/);
  assert.match(picture({ history: { value: history({ items: [order({ seconds: 5400 })] }) } }), /after 90 minutes/);
  assert.match(picture({ history: { value: history({ items: [order({ state: 'failed', delivered: undefined })] }) } }), /Failed/);
  assert.match(picture({ history: { value: history({ items: [], record: { delivered: 0, ended: 0 } }) } }), /nothing is known.*No order was handed to Northpay/);
  assert.match(picture({ vault: {}, providers: {} }), /northpay .*ETHEREUM/, 'it does not wait for names');
  assert.match(picture({ history: { error: { message: 'the gateway does not answer', code: 'GATEWAY_UNREACHABLE' } } }), /The gateway does not answer.*Try again/);
});

test('all providers are listed, with those that cannot be reached', () => {
  assert.match(picture({ at: '' }), /Northpay Not reachable now/);
});

test('a client gets it in the words of an order', () => {
  const h = historyOf(history({ next_cursor: 'ord_a' }));
  assert.deepEqual([h.record, h.next], [{ delivered: 1, ended: 2, deliveryRatio: '0.998700', completionOdds: '0.916667' }, 'ord_a']);
  assert.deepEqual(h.items[0], { order: 'ord_a', state: 'delivered', pay: { amount: '1250.5', currency: 'EUR' }, asset: 'ethereum', promised: '0.5', delivered: '0.4995', difference: '-0.0005', seconds: 340, createdAt: '2026-11-20T12:00:00Z' });
  assert.equal(pathOf('a/b', 'c&d'), '/v1/providers/a%2Fb/history?limit=50&cursor=c%26d');
});
