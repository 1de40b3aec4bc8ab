// What providers promised, and what arrived: pictures for the painter. Pure.

import { badge, card, el, empty, fact, icon, loaded, moment, plural, text } from './nodes.js';
import { number } from './numbers.js';

const STATES = {
  completed: ['is-positive', 'check', 'Delivered'], failed: ['is-negative', 'cross', 'Failed'], refunded: ['is-warning', 'back', 'Paid back'], expired: ['', 'clock', 'Not paid in time'],
  on_hold: ['is-warning', 'clock', 'On hold'],
};
const CIRCUIT = { open: 'Not reachable now', 'half-open': 'Tried again now' };

/** recordPicture: s is { at, lang, providers, vault, history, busy }; the three are holders, { value, error }. */
export function recordPicture(s) {
  if (!s.at) return loaded(s.providers, 'again', (v) => all(v.providers));
  return loaded(s.history, 'again', (h) => one(h, s));
}

function all(providers) {
  if (providers.length === 0) return empty('info', 'No providers', 'The gateway has none configured.');
  return text('ul', 'list', providers.map((p) => el('li', '', { key: p.id }, el('a', 'row', { href: `/providers/${p.id}` },
    text('div', 'row-main', text('span', 'row-title', p.name), text('span', 'row-sub', CIRCUIT[p.circuit] ?? 'What it promised, and what arrived')), icon('chevron')))));
}

function one({ record, ranking, items, next_cursor: more }, { at, lang, providers, vault, busy }) {
  const name = providers.value?.providers.find((p) => p.id === at)?.name ?? at, ticker = tickers(vault.value);
  return text('div', 'stack is-loose', el('h2', 'lead strong', { key: 'name' }, name), counted(record, ranking, lang),
    items.length === 0 ? empty('orders', 'Nothing yet', `No order was handed to ${name}.`)
      : card('Orders', 'The newest first.', el('ol', 'list', { 'aria-label': 'Orders' }, items.map((d) => delivery(d, ticker, lang))), { flush: true }),
    more && text('div', 'cluster', el('button', `button is-small ${busy ? 'is-busy' : ''}`.trim(), { type: 'button', 'aria-disabled': busy ? 'true' : undefined, on: { click: 'more' } }, busy ? 'Loading' : 'Show older')));
}

// counted is what the record says of the provider, and how it counts in the order of prices.
function counted(record, ranking, lang) {
  if (record.ended === 0) return card('Record', '', text('p', 'muted', 'No order has ended here, so that nothing is known: its prices count as quoted.'));
  return card('Record', `Over its orders that ended, at most the newest ${ranking?.orders ?? record.ended}.`, text('div', 'stack',
    text('dl', 'facts', fact('Delivered', `${number(String(record.delivered), lang)} of ${number(String(record.ended), lang)}`), fact('Of what was promised', `${percent(record.delivery_ratio, lang)} arrived`),
      fact('Odds that an order is delivered', percent(record.completion_odds, lang))),
    ranking && el('details', '', {}, text('summary', '', 'How this counts'), text('p', 'small muted', `What is quoted is multiplied by both, each behind ${plural(ranking.prior, 'order')} as promised.`), text('p', 'code', ranking.formula))));
}

function delivery(d, ticker, lang) {
  const [tone, picture, said] = STATES[d.state] ?? ['', 'clock', 'Not ended'], unit = ticker(d.promised.asset), amount = (a) => el('span', 'nowrap', { title: `${a} ${unit}` }, `${number(a, lang)}\u00a0${unit}`);
  const differs = d.delivered && /[1-9]/.test(d.difference ?? '');
  return el('li', '', { key: d.order }, el('a', 'row', { href: `/orders/${d.order}` },
    text('div', 'row-main', text('span', 'row-title', `${number(d.fiat.amount, lang)}\u00a0${d.fiat.currency}`, ' for ', amount(d.promised.amount)),
      text('span', 'row-sub', moment(d.created_at, lang), d.delivered && [' · arrived: ', amount(d.delivered.amount), differs ? ` (${number(d.difference, lang)}, ${number(d.difference_pct ?? '0', lang)}\u00a0%)` : ', as promised'], d.seconds !== undefined && ` · after ${span(d.seconds)}`)),
    text('div', 'row-end', badge(tone, picture, said)), icon('chevron')));
}

// span is a time as a person says it, from seconds to days.
function span(seconds) {
  const [size, unit] = [[86400, 'day'], [3600, 'hour'], [60, 'minute'], [1, 'second']].find(([size]) => seconds >= 2 * size) ?? [1, 'second']; // 90 minutes, and not 2 hours
  return plural(Math.round(seconds / size), unit);
}

/** percent is a share such as 0.998700 for reading: 99.87 %. */
export function percent(share, lang) {
  const [whole, part = ''] = share.split('.'), digits = `${whole}${part.padEnd(2, '0')}`, at = whole.length + 2;
  const plain = `${digits.slice(0, at).replace(/^0+(?=\d)/, '')}.${digits.slice(at)}`.replace(/\.?0*$/, '');
  return `${number(plain, lang)}\u00a0%`;
}

// tickers tells what an asset is called for short.
function tickers(vault) {
  const known = new Map((vault?.chains ?? []).flatMap((c) => c.assets ?? []).map((a) => [a.id, a.ticker]));
  return (id) => known.get(id) ?? id.split('/').at(-1).replaceAll('_', '').toUpperCase();
}
