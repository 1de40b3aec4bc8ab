// Exact arithmetic on decimal texts, "1.05": a number of JavaScript has lost digits already. Pure.

const parts = (s) => { const [, sign, whole, part = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(s); return [sign, whole, part]; };
const units = (s, places) => { const [sign, whole, part] = parts(s); return BigInt(sign + whole + part.padEnd(places, '0')); };

/** places is how many decimals a text has. */
export const places = (s) => parts(s)[2].length;

/** decimal is a whole number of smallest units as a text without zeros that say nothing. */
export function decimal(units, places) {
  const sign = units < 0n ? '-' : '', digits = String(units < 0n ? -units : units).padStart(places + 1, '0');
  const part = digits.slice(digits.length - places).replace(/0+$/, '');
  return `${sign}${digits.slice(0, digits.length - places)}${places > 0 && part ? `.${part}` : ''}`;
}

const both = (a, b, f) => { const n = Math.max(places(a), places(b)); return f(units(a, n), units(b, n), n); };

/** plus and minus of two texts. */
export const plus = (a, b) => both(a, b, (x, y, n) => decimal(x + y, n));
export const minus = (a, b) => both(a, b, (x, y, n) => decimal(x - y, n));

/** compare is below, at or above 0 as a is less than, the same as or more than b. */
export const compare = (a, b) => both(a, b, (x, y) => (x < y ? -1 : x > y ? 1 : 0));

/** isZero reports whether a text is nothing. */
export const isZero = (s) => compare(s, '0') === 0;

/** typedAmount reads what a person typed: { amount } as a plain text, or { wrong } why it cannot be read. Spaces may group
 *  digits; one comma before other than three digits is a decimal sign. */
export function typedAmount(typed) {
  const said = typed.trim().replace(/(?<=\d)[ \u00a0\u2009\u202f'’](?=\d{3})/g, ''), whole = said.replace(/^(?=[.,]\d)/, '0').replace(/[.,]$/, '');
  if (said === '') return { wrong: 'Write an amount' };
  if (/^-/.test(said)) return { wrong: 'An amount has no sign' };
  if (/^\d{1,3}(,\d{3})+$/.test(whole) && !/^0,/.test(whole) || /^\d{1,3}([.,]\d{3})*[.,]\d{3}$/.test(whole) && /[.,].*[.,]/.test(whole)) return { wrong: `${said} can mean two amounts: write it without grouping, with a point before decimals` };
  const plain = whole.replace(',', '.');
  if (!/^\d{1,40}(\.\d{1,40})?$/.test(plain)) return { wrong: 'Write digits, with a point before decimals' };
  return { amount: plain.replace(/^0+(?=\d)/, '').replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '') };
}
