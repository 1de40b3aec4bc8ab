// The check that an address of an eip155 chain carries in the case of its letters (EIP-55), and the
// hash that it is made with. The signer checks it too; here a changed digit shows as it is typed.

const ROUNDS = [
  0x1n, 0x8082n, 0x800000000000808an, 0x8000000080008000n, 0x808bn, 0x80000001n, 0x8000000080008081n, 0x8000000000008009n, 0x8an, 0x88n, 0x80008009n, 0x8000000an,
  0x8000808bn, 0x800000000000008bn, 0x8000000000008089n, 0x8000000000008003n, 0x8000000000008002n, 0x8000000000000080n, 0x800an, 0x800000008000000an, 0x8000000080008081n, 0x8000000000008080n, 0x80000001n, 0x8000000080008008n,
];
const TURNS = [1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44].map(BigInt);
const LANES = [10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1];
const WORD = (1n << 64n) - 1n, turned = (x, n) => ((x << n) | (x >> (64n - n))) & WORD;

// permute is Keccak-f[1600] (FIPS 202, 3.3).
function permute(s) {
  for (const round of ROUNDS) {
    const c = [0, 1, 2, 3, 4].map((x) => s[x] ^ s[x + 5] ^ s[x + 10] ^ s[x + 15] ^ s[x + 20]);
    for (let i = 0; i < 25; i++) s[i] ^= c[(i + 4) % 5] ^ turned(c[(i + 1) % 5], 1n);
    for (let i = 0, last = s[1]; i < 24; i++) { const lane = LANES[i], was = s[lane]; s[lane] = turned(last, TURNS[i]); last = was; }
    for (let y = 0; y < 25; y += 5) { const row = s.slice(y, y + 5); for (let x = 0; x < 5; x++) s[y + x] = row[x] ^ (~row[(x + 1) % 5] & WORD & row[(x + 2) % 5]); }
    s[0] ^= round;
  }
}

/** keccak is Keccak-256 of a short text of ASCII, as hexadecimal digits. */
export function keccak(ascii) {
  const block = new Uint8Array(136), s = Array(25).fill(0n);
  if (ascii.length > 134) throw new RangeError('one block is enough for addresses');
  for (let i = 0; i < ascii.length; i++) block[i] = ascii.charCodeAt(i);
  block[ascii.length] = 1; // not 6, which SHA-3 has
  block[135] |= 0x80;
  const view = new DataView(block.buffer);
  for (let i = 0; i < 17; i++) s[i] = view.getBigUint64(8 * i, true);
  permute(s);
  const out = new DataView(new ArrayBuffer(32));
  for (let i = 0; i < 4; i++) out.setBigUint64(8 * i, s[i], true);
  return Array.from(new Uint8Array(out.buffer), (b) => b.toString(16).padStart(2, '0')).join('');
}

/** checked writes 40 hexadecimal digits as an address with the check. */
export function checked(digits) {
  const low = digits.toLowerCase(), sum = keccak(low);
  return `0x${Array.from(low, (c, i) => (sum[i] >= '8' ? c.toUpperCase() : c)).join('')}`;
}

/** addressProblem says what is wrong with an address on a chain, and undefined when nothing is. Of chains
 *  that are not eip155 the vault knows more. */
export function addressProblem(address, chain) {
  if (address === '') return 'Write the address';
  if (!chain.startsWith('eip155:')) return /\s/.test(address) ? 'An address has no spaces' : undefined;
  const digits = /^0x([0-9a-fA-F]{40})$/.exec(address)?.[1];
  if (!digits) return 'An address of this chain is 0x and 40 digits or letters from a to f';
  if (checked(digits) === address) return undefined;
  return unchecked(address) ? 'It is written without the check in the case of its letters, which would show a changed digit' : 'The check in its letters does not hold: a digit was changed. Copy the address again';
}

/** unchecked reports whether an address has letters of one case alone, which carry no check. */
export const unchecked = (address) => /^0x([0-9a-f]{40}|[0-9A-F]{40})$/.test(address) && checked(address.slice(2)) !== address;
