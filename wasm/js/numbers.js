// Numbers as people write and read them: the form in which every screen shows an amount, and
// what an amount that somebody typed can mean. They are those of the core (wasm/internal/app,
// format.go and typed.go), which testdata/numbers.json compares. Pure.

const THIN = '\u202f'; // separates groups of digits: narrow, and never a line break
const ways = new Map(); // language → how it writes numbers

// wayOf is the decimal sign of a language (BCP 47; empty: the browser's own), and how many
// digits a group left of the last has.
function wayOf(lang = '') {
  if (!ways.has(lang)) {
    let said = '12,345,678.5';
    try { said = new Intl.NumberFormat(lang || undefined, { numberingSystem: 'latn' }).format(12345678.5); } catch { /* not a language */ }
    ways.set(lang, { sign: /[,٫]/.test(said.at(-2)) ? ',' : '.', group: said[1] === '2' ? 3 : 2 });
  }
  return ways.get(lang);
}

/** number is a plain decimal for reading: grouped, with the decimal sign of the language. Another text stays as it is. */
export function number(plain, lang) {
  const [all, sign, whole, part] = /^([-+]?)(\d+)(?:\.(\d+))?$/.exec(plain) ?? [];
  if (all === undefined) return plain;
  const way = wayOf(lang), first = whole.length > 3 ? whole.slice(0, -3) : '';
  const groups = first.replace(new RegExp(`\\B(?=(\\d{${way.group}})+$)`, 'g'), THIN);
  return `${sign.replace('-', '\u2212')}${first ? groups + THIN : ''}${whole.slice(-3)}${part ? way.sign + part : ''}`;
}

// ascii is what people write in a number in ASCII: digits of other scripts, a blank that
// groups, a mark that only groups ('), or one that only divides (;).
function ascii(c) {
  for (const zero of [0x660, 0x6f0, 0x966]) if (c >= String.fromCharCode(zero) && c <= String.fromCharCode(zero + 9)) return String(c.charCodeAt(0) - zero);
  return { '\u00a0': ' ', '\u202f': ' ', '\u2009': ' ', '’': "'", '٬': "'", '٫': ';', ';': '?' }[c] ?? c;
}

const MARK = /[ '.,;]/;

// ungrouped is a number without one kind of mark between groups of digits, the last of three, those
// before it all of three or, between commas, all of two; undefined for another.
function ungrouped(s) {
  const mark = MARK.exec(s)?.[0];
  if (mark === undefined) return s;
  const parts = s.split(mark), first = parts[0], middle = parts.slice(1, -1), { length } = middle[0] ?? '   ';
  if (!/^[1-9]\d{0,2}$/.test(first) || !/^\d{3}$/.test(parts.at(-1))) return undefined;
  if (length !== 3 && !(length === 2 && mark === ',') || first.length > length) return undefined;
  return middle.every((p) => /^\d+$/.test(p) && p.length === length) ? parts.join('') : undefined;
}

// trimmed is a plain decimal without zeros that say nothing.
const trimmed = (whole, part = '') => (whole.replace(/^0+(?=\d)/, '') || '0') + `.${part}`.replace(/\.?0*$/, '');

/** readings are the numbers that a person may mean by what they typed or pasted, as plain decimals: none when it is not a
 *  number or its groups are malformed, and two for one such as 1.000, which is a thousand to some and one to others,
 *  whatever language their browser speaks; the larger is first. */
export function readings(typed) {
  if (typed.length > 64) return [];
  const s = [...typed.trim()].map(ascii).join('');
  if (!/^[\d '.,;]+$/.test(s)) return [];
  const at = Math.max(...[...` '.,;`].map((m) => s.lastIndexOf(m))), all = [];
  if (at < 0) return [trimmed(s)];
  const whole = ungrouped(s), mark = s[at], before = s.slice(0, at);
  if (whole !== undefined && mark !== ';') all.push(trimmed(whole));
  if (mark === ' ' || mark === "'" || before.includes(mark)) return all;
  const left = ungrouped(before);
  if (left !== undefined) all.push(trimmed(left, s.slice(at + 1)));
  return all;
}

/** certain is a plain decimal in a form that can be read in one way only: "1.1250" for 1.125. */
export const certain = (plain) => (/^\d+\.\d{3}$/.test(plain) && readings(plain).length === 2 ? `${plain}0` : plain);

const MOST = 40; // characters of a plain decimal

/** typedAmount reads what a person typed: { amount } as a plain decimal, or { wrong } why it cannot be read, and { may } what it may
 *  mean where that is two amounts. */
export function typedAmount(typed) {
  const all = readings(typed);
  if (typed.trim() === '') return { wrong: 'Write an amount' };
  if (/^\s*[-−]/.test(typed)) return { wrong: 'An amount has no sign' };
  if (all.length === 2) return { wrong: `It can mean two amounts: write ${certain(all[0])} or ${certain(all[1])}`, may: all };
  if (all.length === 0 || all[0].length > MOST) return { wrong: 'Write the amount in digits, for example 250' };
  return { amount: all[0] };
}

/** figure is what a person typed as a plain decimal; as it is where that cannot be read, which is to be said before it is used. */
export const figure = (typed) => typedAmount(typed).amount ?? typed.trim();

/** regrouped is what a person typed as the page writes numbers; as it is where that cannot be read, or would not be read as the same. */
export function regrouped(typed, lang) {
  const { amount } = typedAmount(typed), written = amount === undefined ? typed : number(amount, lang);
  return amount !== undefined && typedAmount(written).amount !== amount ? number(certain(amount), lang) : written;
}
