// What the receipt viewer shows: a receipt as a person reads it, whether it holds, and with
// which key. Pictures for the painter.

import { button, card, el, fingerprint, icon, notice, skeletons, text, trouble } from './nodes.js';

/** receiptPicture. receipt: { name, busy, error, answer, key }; root: what the gateway names, trusted is what
 *  the person compared, or pasted. */
export function receiptPicture({ receipt = {}, vault, trusted, typed = '', wrong = '' }) {
  const root = vault?.value?.root, other = trusted && root && trusted !== root.thumbprint;
  return text('div', 'split',
    text('div', 'split-main stack', verdict(receipt, trusted), receipt.answer?.lines && paper(receipt)),
    text('div', 'split-side stack', other && alarm(), choose(receipt), keyCard(root, trusted, typed, wrong)));
}

const HOLDS = 'This receipt holds', NAMED = 'It holds for the key that the gateway names', REFUSED = 'This receipt does not hold';

/** said is the verdict in a word; empty while there is none. */
export function said({ answer, key } = {}, trusted) {
  if (!answer) return '';
  return answer.error ? REFUSED : key === trusted ? HOLDS : NAMED;
}

function verdict(receipt, trusted) {
  const { busy, error, answer, name } = receipt;
  if (error) return trouble(error, 'again');
  if (busy) return text('div', 'stack', text('p', 'muted', busy), skeletons(2));
  if (!answer) return notice('is-info', 'info', 'No receipt is shown', 'Open a request that is closed and press “Receipt”, or choose a receipt file. It is verified in this browser and sent nowhere.');
  if (answer.error) return refused(answer.error, name);
  if (said(receipt, trusted) === HOLDS) return notice('is-positive', 'shield', HOLDS, 'Every signature in it, and its place in the log, verify with the root key that you compared.');
  return notice('is-warning', 'alert', NAMED, 'Whether that is your vault’s key, only you can tell: compare the root key with what the administrators read at the ceremony.');
}

// refused says which part was changed.
function refused({ message, details = {} }, name) {
  const part = details.part && (PARTS[details.part] ?? details.part);
  return notice('is-negative', 'cross', REFUSED, `${name}: ${message.replace(/^the receipt was refused: /, '')}.`, part && text('p', 'strong', `What does not fit: ${part}`));
}
const PARTS = { file: 'the file, which is not a receipt as it was written', note: 'the note about the log', request: 'the request', led_to: 'what the gateway says came of it' };

// paper is the receipt as it is printed.
function paper({ answer, name }) {
  const parts = [[]];
  for (const l of answer.lines) if (l.label || l.value) parts.at(-1).push(l); else parts.push([]);
  return el('article', 'card paper', { 'aria-label': 'Receipt', key: 'paper' },
    text('div', 'card-head', text('h2', 'card-title', 'Receipt'), text('div', 'cluster', button('is-small', 'print', 'Print'), button('is-small', 'save:receipt', icon('download'), 'Save')), text('p', 'card-sub', name)),
    text('div', 'card-body', parts.filter((p) => p.length > 0).map((p, key) => text('div', 'stack is-tight', p.filter((l) => !l.value).map((l) => text('p', 'strong', l.label)),
      el('dl', 'facts is-lines', { key }, p.filter((l) => l.value).map(({ label, value }, i) => el('div', 'fact', { key: i }, text('dt', '', label), text('dd', '', value))))))));
}

const alarm = () => notice('is-negative', 'alert', 'The gateway names another root key', 'It is not the one that you compared before. Receipts are still verified with yours. Tell an administrator of the vault.');

function choose({ name }) {
  return card('Receipt file', '', text('label', 'field', text('span', 'field-label', name ? 'Verify another file' : 'Verify a file'),
    el('input', 'input', { type: 'file', name: 'receipt' }), text('span', 'field-hint', 'Or drop it anywhere on this page.')));
}

// keyCard is where the person says which key is their vault's.
function keyCard(root, trusted, typed, wrong) {
  if (trusted) {
    return card('Root key', 'You compared it. This browser remembers it.', [trusted === root?.thumbprint ? fingerprint(root) : text('code', 'mono checkpoint', trusted), button('is-small', 'forget', 'Forget it')]);
  }
  return card('Root key', 'The gateway names this one. Compare it with what the administrators read at the vault’s ceremony, or give your own.', [
    root && fingerprint(root), root && button('', 'trust', icon('check'), 'It is the same: trust it'),
    el('form', 'form', { on: { submit: 'key' } }, text('label', 'field', text('span', 'field-label', 'Or write the key that you have'),
      el('textarea', 'textarea', { name: 'key', rows: '3', spellcheck: 'false', autocapitalize: 'off', autocomplete: 'off', on: { input: 'typing' }, prop: { value: typed }, ...(wrong && { 'aria-invalid': 'true' }) }), text('span', wrong ? 'field-error' : 'field-hint', wrong || 'Sixteen words, eight groups of digits, or the thumbprint')),
      el('button', 'button', { type: 'submit' }, 'Use this key')),
  ]);
}

// rootOf is the key that a person wrote: a thumbprint, or a fingerprint in words or digits.
// One that says what the gateway's key says is that one.
export function rootOf(typed, root) {
  const given = typed.trim(), parts = given.toLowerCase().split(/[\s,-]+/);
  if (/^[\w-]{43}$/.test(given)) return { key: given };
  const words = parts.length === 16 && parts.every((p) => /^[a-z]+$/.test(p)), digits = parts.length === 8 && parts.every((p) => /^\d{5}$/.test(p));
  if (!words && !digits) return { wrong: `It has ${parts[0] ? parts.length : 0} parts, and not sixteen words or eight groups of five digits` };
  const same = root && parts.join(' ') === (words ? root.words : root.digits).join(' ').toLowerCase();
  return { key: same ? root.thumbprint : parts.join(' ') };
}
