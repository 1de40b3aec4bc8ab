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
