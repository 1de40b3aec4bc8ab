// How far the signature of a message is: until it is there, and then the signature to copy. Pictures for the
// painter; sendingpart.js asks.

import { address, badge, card, fact, identifier, moment, notice, text, upper } from './nodes.js';

const STATES = { approved: ['', 'clock', 'About to be signed'], signed: ['is-positive', 'check', 'Signed'], lapsed: ['', 'cross', 'Not signed'] };

/** signaturePicture: s is the signature of a request; lang is the page's language. */
export function signaturePicture(s, lang) {
  const bytes = Uint8Array.from(atob(s.digest.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0)), digest = `0x${[...bytes].map((b) => b.toString(16).padStart(2, '0')).join('')}`;
  return card('Signature', '', text('div', 'stack',
    badge(...(STATES[s.state] ?? ['', 'info', s.state])),
    s.state === 'lapsed' ? notice('is-warning', 'clock', 'Nothing was signed', s.reason ? `${upper(s.reason)}.` : '') : s.reason && notice('is-info', 'info', 'Why it is not further', `${upper(s.reason)}.`),
    s.signature && text('dl', 'facts', fact('Signature', identifier(s.signature, 'signature')), fact('By', address(s.address)), fact('Of digest', identifier(digest, 'digest')), fact('Signed', moment(s.signed_at, lang)))));
}

/** spokenOf is how far it is, in a word. */
export const spokenOf = (s) => `${(STATES[s.state] ?? ['', '', s.state])[2]}.`;
