// node --test wasm/js: the periods, files and lines of an account's books.
import assert from 'node:assert/strict';
import test from 'node:test';

const { assetsOf, balanceLine, fileOf, pathOf, period } = await import('./books.js');
const { booksPicture } = await import('./booksview.js');

const now = new Date('2026-11-20T21:00:00Z');
const words = (node) => (typeof node === 'string' ? node : Array.isArray(node) ? (node[2] ?? []).map(words).join(' ') : '').replace(/[ \n]+/g, ' ');
const line = (at, amount, balance_after, asset = 'ethereum') => ({ id: `bkg_${at}`, at, type: 'deposit', text: `Booked ${amount}`, asset, amount, balance_after });
const statement = (lines, opening = []) => ({ from: '2026-11-01T00:00:00Z', to: '2026-12-01T00:00:00Z', server_time: now.toISOString(), opening, lines, closing: [] });

test('a period is whole days in UTC, and the day after the last is not in it', () => {
  for (const [choice, from, to, last] of [
    ['month', '2026-11-01', '2026-12-01', '2026-11-30'], ['last-month', '2026-10-01', '2026-11-01', '2026-10-31'], ['quarter', '2026-10-01', '2027-01-01', '2026-12-31'],
    ['year', '2026-01-01', '2027-01-01', '2026-12-31'], ['last-year', '2025-01-01', '2026-01-01', '2025-12-31'],
  ]) assert.deepEqual(period({ choice }, now), { from, to, last }, choice);
  assert.deepEqual(period({ choice: 'last-month' }, new Date('2026-01-31T23:59:59Z')), { from: '2025-12-01', to: '2026-01-01', last: '2025-12-31' });
  assert.deepEqual(period({ choice: 'own', from: '2024-02-28', last: '2024-02-29' }, now), { from: '2024-02-28', to: '2024-03-01', last: '2024-02-29' });
  assert.deepEqual(period({ choice: 'own', from: '2026-11-20', last: '2026-11-20' }, now), { from: '2026-11-20', to: '2026-11-21', last: '2026-11-20' });
  assert.match(period({ choice: 'own', from: '2026-11-20', last: '2026-11-01' }, now).wrong, /before the first/);
  assert.match(period({ choice: 'own', from: '', last: '' }, now).wrong, /Choose/);
});

test('a file has the name that the gateway gives it', () => {
  const days = period({ choice: 'month' }, now);
  assert.equal(fileOf('acc_treasury', days, 'csv'), 'acc_treasury_20261101_20261201.csv');
  assert.equal(fileOf('acc_treasury', days, 'camt.053'), 'acc_treasury_20261101_20261201.camt.053.xml');
});

test('a balance is a line of steps until now, which begins with what was there', () => {
  const s = statement([line('2026-11-05T00:00:00Z', '1', '3'), line('2026-11-06T00:00:00Z', '9', '9', 'other'), line('2026-11-10T00:00:00Z', '-2.5', '0.5')], [{ asset: 'ethereum', amount: '2' }]);
  const drawn = balanceLine(s, 'ethereum');
  assert.deepEqual(drawn.points.map((p) => p.amount), ['2', '3', '0.5']);
  assert.deepEqual([drawn.low, drawn.high, drawn.end], [0, 3, now.getTime()]);
  assert.equal(pathOf(drawn, 600, 120), 'M0 40.0H120.8V0.0H271.7V100.0H600');
  assert.deepEqual(assetsOf(s), ['ethereum', 'other']);
  assert.equal(pathOf(balanceLine(statement([]), 'ethereum'), 600, 120), 'M0 120.0H600', 'nothing is a line too');
  assert.deepEqual(balanceLine(statement([line('2026-11-05T00:00:00Z', '-1', '-1')]), 'ethereum').low, -1);
});

test('of very many entries a chart has some hundred points, and ends with the last', () => {
  const lines = Array.from({ length: 50_000 }, (_, i) => line(new Date(Date.UTC(2026, 10, 1) + i * 30_000).toISOString(), '1', String(i + 1)));
  const { points } = balanceLine(statement(lines), 'ethereum');
  assert.ok(points.length <= 402, `${points.length} points`);
  assert.equal(points.at(-1).amount, '50000');
});

test('what the chart shows is said in words and stands in a table', () => {
  const s = { lang: 'en', draft: { choice: 'month', from: '', last: '', format: 'zip', asset: '' }, days: { ...period({ choice: 'month' }, now), open: true }, names: { ethereum: { name: 'Ethereum', ticker: 'ETH' } },
    statement: { value: statement([line('2026-11-05T00:00:00Z', '1', '1234.5')]) } };
  const said = words(booksPicture(s));
  for (const want of ['From 0 ETH to 1 234.5 ETH, with one entry between', 'As a table', 'Booked 1', 'The period is not over', 'Download', 'signed manifest']) assert.ok(said.replaceAll('\u202f', ' ').includes(want), `${want}: ${said}`);
  assert.match(words(booksPicture({ ...s, statement: { value: statement([]) } })), /nothing was booked/);
  assert.match(words(booksPicture({ ...s, failed: { code: 'INVALID_REQUEST', message: 'the period has more than 50000 lines' } })), /The period has more than 50000 lines/);
  assert.ok(!words(booksPicture({ ...s, days: { wrong: 'Choose' } })).includes('As a table'));
});
