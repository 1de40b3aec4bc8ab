// How a transfer that waits for a block is sped up or cancelled: two buttons, and the form behind each.
// Pictures for the painter; replacing.js keeps what is chosen.

import { field } from './controls.js';
import { button, card, el, text, trouble } from './nodes.js';
import { number } from './numbers.js';
import { decides, feePicture } from './sendview.js';

const SAYS = {
  SPEED_UP: ['Speed up this transfer', 'Another transaction sends the same to the same address, for a higher fee. The chain takes one of them, and never both.'],
  CANCEL: ['Cancel this transfer', 'Another transaction sends nothing, to the account’s own address, in place of the transfer. The chain takes one of them, whichever is in a block first: it may be the transfer.'],
};

/** offers are the two buttons. */
export const offers = () => el('div', 'cluster', { key: 'offers' }, button('is-small', 'r.open:SPEED_UP', 'Speed up'), button('is-small is-quiet', 'r.open:CANCEL', 'Cancel the transfer'));

/** replacePicture: s is what replacing.js keeps; f has coin, what fees are paid in, the vault, and lang. */
export function replacePicture(s, { coin, vault, lang }) {
  const { draft, cost, busy, failed, errors, dry } = s, [title, says] = SAYS[draft.action], f = { draft, errors, vault, cost, lang };
  const hint = !cost ? 'What the chain takes is being asked' : `${number(cost.fee_before, lang)} ${coin.ticker} were approved before: up to there the vault raises the fee by itself. It takes at least ${number(cost.least, lang)} ${coin.ticker} to replace what was signed.`;
  const foot = text('div', 'cluster', el('button', `button is-primary ${busy ? 'is-busy' : ''}`.trim(), { type: 'submit', 'aria-disabled': busy ? 'true' : undefined }, busy ? 'Asking' : 'Ask the approvers'), button('is-quiet', 'r.close', 'Not now'));
  return card(title, says, el('form', 'form', { novalidate: true, on: { submit: 'r.send' }, key: `replace ${draft.action}`, id: 'f-replace', tabindex: '-1', 'aria-label': title },
    failed && trouble(failed, 'r.again'),
    feePicture(f, 'r', coin.ticker, hint),
    field(f, 'purpose', 'What for', { hint: 'Approvers read it as your words. It may stay empty.', maxlength: '140' }),
    vault && decides({ dry, lang, errors }, vault),
    text('div', 'form-foot stack', foot, text('p', 'small muted', 'Nothing is sent yet: it becomes a request of its own, which approvers read in their own bridge and sign.'))));
}
