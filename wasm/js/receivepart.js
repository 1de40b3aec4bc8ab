// How something is sent to an account: its address as a QR code, whether the address carries its check,
// and what may be sent there. Loaded when somebody opens an account.

import { addressProblem } from './eip55.js';
import { badge, notice, text } from './nodes.js';
import { Painter } from './painter.js';
import { qr } from './qr.js';

const QUIET = 4; // modules around a code that stay white

/** receivePicture: at is the account's chain, its address and what the chain is called. */
export function receivePicture({ chain, address, name }) {
  const problem = addressProblem(address, chain);
  if (problem) return notice('is-negative', 'alert', 'Send nothing to this address', `${problem}.`);
  return text('div', 'receive',
    ['lent', { name: 'qr', at: address, key: 'qr' }],
    text('div', 'stack is-tight',
      chain.startsWith('eip155:') && badge('is-positive', 'check', 'The check in its letters holds'),
      text('p', '', `Only what is on ${name} may be sent here. What is sent on another chain may be lost.`),
      text('p', 'small muted', 'Whoever pays compares the first and the last groups with what they see, and begins with a small amount.')));
}

export class ReceivePart {
  #painter;

  constructor(root) { this.#painter = new Painter(root, () => {}, { routing: false, lend: (place) => ({ show: (said) => place.replaceChildren(drawn(said)), stop() {} }) }); }

  stop() { this.#painter.stop(); }

  /** show shows how to send to "CHAIN ADDRESS NAME", the last being what people call the chain. */
  show(at) {
    const [chain, address, ...name] = at.split(' ');
    this.#painter.paint({ tree: receivePicture({ chain, address, name: name.join(' ') }) });
  }

  hear() {}
}

// drawn is the code of a text as a picture: dark on white whatever the colours around it, so that a camera reads it.
function drawn(said) {
  const code = qr(said), size = code.length + 2 * QUIET, made = (name, attributes) => {
    const e = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
    return e;
  };
  const svg = made('svg', { class: 'qr', viewBox: `0 0 ${size} ${size}`, role: 'img', 'aria-label': 'QR code of the address', 'shape-rendering': 'crispEdges' });
  svg.append(made('rect', { width: size, height: size, fill: '#fff' }), made('path', { fill: '#000', d: code.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x + QUIET} ${y + QUIET}h1v1h-1z` : ''))).join('') }));
  return svg;
}
