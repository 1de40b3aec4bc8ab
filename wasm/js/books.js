// What an account's books are asked for: periods, the files of a statement, and the line of a balance. Nothing is painted here.

const DAY = 86_400_000;
const of = (year, month, day = 1) => new Date(Date.UTC(year, month, day));
const iso = (date) => date.toISOString().slice(0, 10);

/** PERIODS are those to choose from: [name, word]. */
export const PERIODS = [['month', 'This month'], ['last-month', 'Last month'], ['quarter', 'This quarter'], ['year', 'This year'], ['last-year', 'Last year'], ['own', 'Other days']];

/** FORMATS are the files of a statement: [format, word, extension]. */
export const FORMATS = [['zip', 'All of them, with a signed manifest', 'zip'], ['csv', 'CSV, for spreadsheets', 'csv'], ['jsonl', 'JSON Lines, for programs', 'jsonl'], ['camt.053', 'ISO 20022 camt.053, for accounting', 'camt.053.xml']];

/** period is the days of a choice, in UTC: { from, to, last }, of which to is the day after the last. now is a Date. */
export function period({ choice, from, last }, now) {
  const year = now.getUTCFullYear(), month = now.getUTCMonth(), quarter = month - month % 3;
  const spans = {
    month: [of(year, month), of(year, month + 1)], 'last-month': [of(year, month - 1), of(year, month)], quarter: [of(year, quarter), of(year, quarter + 3)],
    year: [of(year, 0), of(year + 1, 0)], 'last-year': [of(year - 1, 0), of(year, 0)],
  };
  const days = spans[choice];
  if (days) return { from: iso(days[0]), to: iso(days[1]), last: iso(new Date(days[1] - DAY)) };
  const begin = Date.parse(from), end = Date.parse(last);
  if (Number.isNaN(begin) || Number.isNaN(end)) return { wrong: 'Choose the first and the last day' };
  if (end < begin) return { wrong: 'The last day is before the first' };
  return { from, to: iso(new Date(end + DAY)), last };
}

/** fileOf is what a statement is called on this computer, as the gateway calls it. */
export const fileOf = (account, { from, to }, format) => `${account}_${from.replaceAll('-', '')}_${to.replaceAll('-', '')}.${FORMATS.find(([name]) => name === format)[2]}`;

/** assetsOf are the assets that a statement says something of. */
export const assetsOf = ({ opening, lines, closing }) => [...new Set([...opening, ...closing, ...lines].map((v) => v.asset))].sort();

const POINTS = 400; // that a chart is drawn of: the last of each part of the time

/** balanceLine is how much of an asset there was, from the beginning of a statement to its end or to now: { points: [{ at, amount }], low, high },
 *  each until the next. */
export function balanceLine(statement, asset) {
  const begin = Date.parse(statement.from), end = Math.max(begin + 1, Math.min(Date.parse(statement.to), Date.parse(statement.server_time)));
  const all = [{ at: begin, amount: statement.opening.find((v) => v.asset === asset)?.amount ?? '0' }];
  for (const l of statement.lines) {
    if (l.asset !== asset) continue;
    const at = Math.min(Math.max(Date.parse(l.at), begin), end), last = all.at(-1), same = (t) => Math.floor((t - begin) / (end - begin) * POINTS);
    if (all.length > 1 && same(last.at) === same(at)) { last.amount = l.balance_after; last.at = at; } else all.push({ at, amount: l.balance_after });
  }
  const sizes = all.map((p) => Number(p.amount));
  return { points: all, end, low: Math.min(0, ...sizes), high: Math.max(0, ...sizes) };
}

/** pathOf draws such a line as steps in a picture of so many units. */
export function pathOf({ points, end, low, high }, width, height) {
  const begin = points[0].at, x = (at) => ((at - begin) / (end - begin) * width).toFixed(1), y = (amount) => (height - (Number(amount) - low) / (high - low || 1) * height).toFixed(1);
  return points.map((p, i) => (i === 0 ? `M0 ${y(p.amount)}` : `H${x(p.at)}V${y(p.amount)}`)).join('') + `H${width}`;
}
