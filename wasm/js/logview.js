// What the log browser shows: each entry in words, newest first, and what the signer signed
// about the log. Pictures for the painter.

import { button, card, el, empty, icon, link, loaded, moment, plural, text } from './nodes.js';

const ICONS = { genesis: 'vault', request: 'requests', initiation: 'arrow', approval: 'check', governed: 'refresh', outcome: 'lock', clock: 'clock', checkpoint: 'shield' };

/** logPicture: entries so far, and the note. */
export function logPicture({ log, note, lang }) {
  return text('div', 'split',
    text('div', 'split-main stack', loaded(log, 'again', ({ entries, size }) => (entries.length === 0 ? empty('history', 'The log is empty', 'Nothing was decided in this vault yet.') : text('div', 'stack',
      text('p', 'small muted', `${plural(size, 'entry', 'entries')}, the newest first. The words are the gateway's; what was signed verifies with the root key alone.`),
      el('ol', 'list', { 'aria-label': 'Log, newest first' }, entries.map((e) => entry(e, lang))),
      entries.at(-1).seq > 0 && button('', 'older', log.older ? 'Loading' : 'Show older entries'))))),
    text('div', 'split-side stack', card('Checkpoint', 'What the signer signed about the log: how many entries, and the root of their tree. Whoever keeps it notices when the log is rewound.',
      loaded(note, 'again', (n) => text('div', 'stack', text('pre', 'mono checkpoint', n.note), button('', 'save:note', icon('download'), 'Save'))))));
}

function entry({ seq, said }, lang) {
  const row = [icon(ICONS[said.type] ?? 'info'),
    text('div', 'row-main', text('span', 'row-title', said.text), text('span', 'row-sub', `Entry ${seq} · `, moment(said.at, lang))),
    said.request && icon('chevron')];
  return el('li', '', { key: seq }, said.request ? link('row is-done', `/requests/${said.request}`, row) : text('div', 'row is-done', row));
}

