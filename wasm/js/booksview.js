// The books of an account: how its balance went, and its statement to take away. Pictures for the painter; bookspart.js keeps
// what is chosen.

import { FORMATS, PERIODS, assetsOf, balanceLine } from './books.js';
import { choice, field } from './controls.js';
import { card, day, el, loaded, moment, notice, text, trouble } from './nodes.js';
import { number } from './numbers.js';

const ROWS = 100; // of the table

/** booksPicture: s is what bookspart.js keeps. */
export function booksPicture(s) {
  const { draft, busy, failed, days } = s, f = { draft, errors: s.errors ?? [], vault: {} };
  return text('div', 'stack is-loose',
    card('Balance over time', '', el('div', 'stack', { key: 'work' },
      text('div', 'field-row', choice(f, 'choice', 'Period', PERIODS), s.statement.value && assetsOf(s.statement.value).length > 1 && choice(f, 'asset', 'Asset', assetsOf(s.statement.value).map((a) => [a, named(s, a)]))),
      draft.choice === 'own' && text('div', 'field-row', field(f, 'from', 'First day', { type: 'date' }), field(f, 'last', 'Last day', { type: 'date' })),
      days.wrong ? notice('', 'clock', days.wrong) : loaded(s.statement, 'again', (value) => line(s, value))), { key: 'line' }),
    card('Statement', 'Opening balance, what was booked, and closing balance of the period above, in UTC.', el('form', 'form', { novalidate: true, on: { submit: 'b.save' }, 'aria-label': 'Statement', key: 'form' },
      failed && trouble(failed),
      choice(f, 'format', 'Format', FORMATS, { hint: 'CSV and JSON Lines are exact. The signed manifest proves that this gateway wrote the files, and nobody changed them since.' }),
      !days.wrong && days.open && text('p', 'small muted', 'The period is not over: what is booked later is not in the file.'),
      text('div', 'cluster', el('button', `button ${busy ? 'is-busy' : ''}`.trim(), { type: 'submit', 'aria-disabled': busy || days.wrong ? 'true' : undefined }, busy ? 'Writing' : 'Download'))), { key: 'statement' }));
}

const named = (s, asset) => s.names?.[asset]?.name ?? asset;
const figure = (s, amount, asset) => `${number(amount, s.lang)} ${s.names?.[asset]?.ticker ?? asset}`;

// line is the chart of the asset that is chosen, what it says in words, and all of it as a table.
function line(s, statement) {
  const all = assetsOf(statement), asset = all.includes(s.draft.asset) ? s.draft.asset : all[0];
  if (!asset) return text('p', 'muted', 'Nothing was there, and nothing was booked.');
  const drawn = balanceLine(statement, asset), lines = statement.lines.filter((l) => l.asset === asset), shown = lines.slice(-ROWS).reverse();
  const first = drawn.points[0].amount, last = drawn.points.at(-1).amount;
  const said = `From ${figure(s, first, asset)} to ${figure(s, last, asset)}, with ${lines.length === 1 ? 'one entry' : `${lines.length} entries`} between`;
  const cell = (label, cls, ...value) => el('td', cls, { 'data-label': label }, ...value), th = (label, cls) => el('th', cls, { scope: 'col' }, label);
  return el('div', 'stack', { key: asset },
    ['lent', { name: 'line', at: JSON.stringify({ ...drawn, said }), key: 'line' }],
    text('div', 'spread small muted', day(statement.from, s.lang), text('span', '', said), day(new Date(drawn.end).toISOString(), s.lang)),
    lines.length > 0 && el('details', '', { key: 'table' }, text('summary', '', 'As a table'),
      el('div', 'table-wrap', { tabindex: '0', role: 'region', 'aria-label': 'Balance over time' }, text('table', 'table is-stack',
        text('thead', '', text('tr', '', th('When', ''), th('What', ''), th('Change', 'num'), th('Balance', 'num'))),
        text('tbody', '', shown.map((l, i) => el('tr', '', { key: `${l.id}${i}` }, cell('When', '', moment(l.at, s.lang)), cell('What', '', l.text), cell('Change', 'num', number(l.amount, s.lang)), cell('Balance', 'num', number(l.balance_after, s.lang))))))),
      lines.length > shown.length && text('p', 'small muted', `The newest ${ROWS} of ${lines.length}. The statement has all.`)));
}
