// Typed data (EIP-712) as somebody pastes it: read exactly, as JSON.parse does not (it rounds numbers, and of
// two members of one name it takes the last), and put into lines for reading. The vault judges it. Pure.

const MOST = 16_384, DEEP = 16; // characters; objects and lists in each other
const TOKEN = /[ \t\r\n]*(?:([{}[\],:])|("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)|(true|false|null))/y;

class Digits { constructor(text) { this.text = text; } }

// exact reads JSON; numbers are Digits. It fails with a sentence.
function exact(source) {
  let at = 0, found;
  const wrong = (why) => { throw new SyntaxError(`${why}, at character ${at + 1}`); };
  const next = () => {
    TOKEN.lastIndex = at;
    found = TOKEN.exec(source);
    if (!found) wrong(/^[ \t\r\n]*$/.test(source.slice(at)) ? 'It ends too early' : 'It is not JSON');
    at = TOKEN.lastIndex;
    return found[1];
  };
  const value = (depth) => {
    const [, sign, text, number, word] = found;
    if (depth > DEEP) wrong('It is nested too deeply');
    if (text !== undefined) return JSON.parse(text);
    if (number !== undefined) return new Digits(number);
    if (word !== undefined) return JSON.parse(word);
    if (sign === '[') return list(depth);
    return sign === '{' ? object(depth) : wrong('It is not JSON');
  };
  const list = (depth) => {
    const all = [];
    if (next() === ']') return all;
    for (;;) {
      all.push(value(depth + 1));
      const sign = next();
      if (sign === ']') return all;
      if (sign !== ',') wrong('A comma is missing');
      next();
    }
  };
  const object = (depth) => {
    const all = Object.create(null);
    if (next() === '}') return all;
    for (;;) {
      if (found[2] === undefined) wrong('A name is missing');
      const name = JSON.parse(found[2]);
      if (name in all) wrong(`The name ${shown(name)} is there twice`);
      if (next() !== ':') wrong('A colon is missing');
      next();
      all[name] = value(depth + 1);
      const sign = next();
      if (sign === '}') return all;
      if (sign !== ',') wrong('A comma is missing');
      next();
    }
  };
  next();
  const all = value(1);
  if (source.slice(at).trim() !== '') wrong('Something follows it');
  return all;
}

const isObject = (v) => typeof v === 'object' && v !== null && !Array.isArray(v) && !(v instanceof Digits);
const element = (type) => /^(.+)\[\d*\]$/.exec(type)?.[1];
const isWhole = (type) => /^u?int\d+$/.test(type);

/** typedOf reads what was pasted: { data, lines }, where data is what is asked for, its numbers whole, and lines are [path, type, value]; or
 *  { wrong }, a sentence. */
export function typedOf(source) {
  if (source.length > MOST) return { wrong: `Typed data has at most ${MOST} characters` };
  let all;
  try { all = exact(source); } catch (e) { return { wrong: `${e.message}.` }; }
  const { types, primaryType, domain, message } = isObject(all) ? all : {};
  if (!isObject(types) || typeof primaryType !== 'string' || !isObject(domain) || !isObject(message)) return { wrong: 'Typed data is an object of types, primaryType, domain and message' };
  const lines = [], typeOf = (of, name) => (Array.isArray(types[of]) ? types[of].find((f) => f?.name === name)?.type : undefined) ?? '';
  // put adds the lines of a value, and returns it as it is asked for.
  const put = (path, type, v) => {
    const of = element(type);
    if (Array.isArray(v)) {
      lines.push([path, type, `${v.length} ${v.length === 1 ? 'element' : 'elements'}`]);
      return v.map((x, i) => put(`${path}[${i}]`, of ?? '', x));
    }
    if (isObject(v)) {
      lines.push([path, type, '']);
      return inside(path, type, v);
    }
    lines.push([path, type, v instanceof Digits ? v.text : type === 'string' && typeof v === 'string' ? shown(v) : String(v)]);
    return v instanceof Digits ? (isWhole(type) ? v.text : Number(v.text)) : v; // the vault says that another type has no number
  };
  const inside = (path, type, v) => Object.fromEntries(Object.entries(v).map(([name, x]) => [name, put(`${path}.${name}`, typeOf(type, name), x)]));
  const data = { ...plain(all), domain: inside('domain', 'EIP712Domain', domain), message: inside('message', primaryType, message) };
  return { data, lines, primary: primaryType, name: typeof domain.name === 'string' ? domain.name : '' };
}

// plain is a value with its numbers as JavaScript has them.
const plain = (v) => (v instanceof Digits ? Number(v.text) : Array.isArray(v) ? v.map(plain) : isObject(v) ? Object.fromEntries(Object.entries(v).map(([name, x]) => [name, plain(x)])) : v);

/** shown is a text in quotation marks, with an escape for what nobody would see. */
export const shown = (s) => JSON.stringify(s).replace(/[\u007f-\u00a0\u00ad\u061c\u115f\u1160\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
