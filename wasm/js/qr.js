// QR codes (ISO/IEC 18004) of short texts: bytes, versions 1 to 6, error correction M, which reads a code of which
// 15 % is lost. Pure; small enough for addresses, and no more.

// Of versions 1 to 6 at M: codewords in all, blocks, and codewords for correction in each block.
const SIZES = [[26, 1, 10], [44, 1, 16], [70, 1, 26], [100, 2, 18], [134, 2, 24], [172, 4, 16]];

const EXP = new Uint8Array(510), LOG = new Uint8Array(256);
for (let i = 0, x = 1; i < 255; i++) {
  EXP[i] = EXP[i + 255] = x;
  LOG[x] = i;
  x = (x << 1) ^ (x > 127 ? 0x11d : 0);
}
const times = (a, b) => (a && b ? EXP[LOG[a] + LOG[b]] : 0);

// generator is the polynomial of so many codewords for correction, without its first 1.
function generator(n) {
  let g = [1];
  for (let i = 0; i < n; i++) {
    const next = [...g, 0];
    for (let j = 0; j < g.length; j++) next[j + 1] ^= times(g[j], EXP[i]);
    g = next;
  }
  return g.slice(1);
}

// correction are the codewords for correction of a block (Reed-Solomon).
function correction(block, n) {
  const g = generator(n), rest = new Uint8Array(n);
  for (const byte of block) {
    const first = byte ^ rest[0];
    rest.copyWithin(0, 1);
    rest[n - 1] = 0;
    for (let i = 0; i < n; i++) rest[i] ^= times(g[i], first);
  }
  return rest;
}

// codewords of the text: data in blocks, one byte of each in turn, and so their corrections.
function codewords(bytes, [total, blocks, fix]) {
  const room = total - blocks * fix, bits = [];
  const put = (value, n) => { for (let i = n - 1; i >= 0; i--) bits.push((value >> i) & 1); };
  put(4, 4);
  put(bytes.length, 8);
  for (const b of bytes) put(b, 8);
  put(0, Math.min(4, room * 8 - bits.length));
  while (bits.length % 8) bits.push(0);
  const data = Array.from({ length: bits.length / 8 }, (_, i) => bits.slice(8 * i, 8 * i + 8).reduce((a, b) => 2 * a + b, 0));
  for (let i = 0; data.length < room; i++) data.push(i % 2 ? 0x11 : 0xec);
  const each = room / blocks, parts = Array.from({ length: blocks }, (_, i) => data.slice(i * each, (i + 1) * each)), fixes = parts.map((p) => correction(p, fix));
  const turns = (all) => Array.from(all[0], (_, i) => all.map((one) => one[i])).flat();
  return [...turns(parts), ...turns(fixes)];
}

const MASKS = [(x, y) => (x + y) % 2, (x, y) => y % 2, (x) => x % 3, (x, y) => (x + y) % 3, (x, y) => ((x / 3 | 0) + (y / 2 | 0)) % 2, (x, y) => (x * y) % 2 + (x * y) % 3, (x, y) => ((x * y) % 2 + (x * y) % 3) % 2, (x, y) => ((x + y) % 2 + (x * y) % 3) % 2];

/** qr returns the modules of a text's code, rows of true for dark. Texts longer than 106 bytes are a RangeError. */
export function qr(said) {
  const bytes = new TextEncoder().encode(said), version = SIZES.findIndex(([total, blocks, fix]) => bytes.length + 2 <= total - blocks * fix) + 1;
  if (version === 0) throw new RangeError('the text is too long for such a code');
  const size = 17 + 4 * version, grid = Array.from({ length: size }, () => Array(size)); // undefined: free
  const set = (x, y, dark) => { if (x >= 0 && y >= 0 && x < size && y < size) grid[y][x] = Boolean(dark); };
  for (const [cx, cy] of [[3, 3], [size - 4, 3], [3, size - 4]]) {
    for (let y = -4; y <= 4; y++) for (let x = -4; x <= 4; x++) { const d = Math.max(Math.abs(x), Math.abs(y)); set(cx + x, cy + y, d !== 2 && d !== 4); }
  }
  if (version > 1) for (let y = -2; y <= 2; y++) for (let x = -2; x <= 2; x++) set(size - 7 + x, size - 7 + y, Math.max(Math.abs(x), Math.abs(y)) !== 1);
  for (let i = 8; i < size - 8; i++) { set(i, 6, i % 2 === 0); set(6, i, i % 2 === 0); }
  format(set, size, 0); // holds the places
  const fixed = grid.map((row) => row.map((m) => m !== undefined)), free = (x, y) => !fixed[y][x];
  const bits = codewords(bytes, SIZES[version - 1]).flatMap((b) => [7, 6, 5, 4, 3, 2, 1, 0].map((i) => (b >> i) & 1));
  let at = 0;
  for (let right = size - 1, up = true; right > 0; right -= 2, up = !up) {
    if (right === 6) right = 5; // the upright line of marks
    for (let i = 0; i < size; i++) for (const x of [right, right - 1]) { const y = up ? size - 1 - i : i; if (free(x, y)) set(x, y, bits[at++]); }
  }
  const masked = MASKS.map((mask, n) => {
    const one = grid.map((row, y) => row.map((m, x) => (free(x, y) ? m !== (mask(x, y) === 0) : m)));
    format((x, y, dark) => { one[y][x] = Boolean(dark); }, size, n);
    return one;
  });
  return masked.reduce((best, one) => (penalty(one) < penalty(best) ? one : best));
}

// format writes twice which correction and mask the code has (8.9): M is 00.
function format(set, size, mask) {
  let rest = mask;
  for (let i = 0; i < 10; i++) rest = (rest << 1) ^ ((rest >> 9) * 0x537);
  const bits = ((mask << 10) | rest) ^ 0x5412, bit = (i) => (bits >> i) & 1;
  for (let i = 0; i < 15; i++) {
    set(8, i < 6 ? i : i < 8 ? i + 1 : size - 15 + i, bit(i));
    set(i < 8 ? size - 1 - i : i === 8 ? 7 : 14 - i, 8, bit(i));
  }
  set(8, size - 8, true);
}

// penalty is how hard a code is to read (8.8.2).
function penalty(code) {
  const size = code.length, lines = [...code, ...code.map((_, x) => code.map((row) => row[x]))].map((l) => l.map(Number).join(''));
  let sum = 0, dark = 0;
  for (const l of lines) {
    for (const [run] of l.matchAll(/0{5,}|1{5,}/g)) sum += run.length - 2;
    for (let i = 0; i + 11 <= size; i++) if (['10111010000', '00001011101'].includes(l.slice(i, i + 11))) sum += 40;
  }
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      dark += code[y][x];
      if (x && y && code[y][x] === code[y - 1][x] && code[y][x] === code[y][x - 1] && code[y][x] === code[y - 1][x - 1]) sum += 3;
    }
  }
  return sum + 10 * Math.floor(Math.abs(dark * 20 - size * size * 10) / (size * size));
}
