// What a change would do, before it is asked for: the answer to a dry run of it (POST
// /v1/requests with Dry-Run), sorted for reading. Pictures for the painter.

import { steps } from './drypart.js';
import { badge, button, card, el, icon, plural, text, upper } from './nodes.js';

const SORTS = [
  ['gone', /^no longer: /, 'No longer'], ['past', /past request|history was replayed/, 'Past requests'], ['open', /^(and )?[\d,]+ open request/, 'Open requests'], ['new', /./, 'New'],
];

/** sorted are the sentences of a summary by what they are about: past and open requests, what is new and what has ended. */
export function sorted(summary) {
  const all = { past: [], open: [], new: [], gone: [] };
  for (const s of summary) all[SORTS.find(([, about]) => about.test(s))[0]].push(s.replace(/^(new|no longer): /, ''));
  return all;
}

/** impactPicture: dry is { busy, seconds, value, error, incomplete, until }; names are members' by ids. */
export function impactPicture(dry, names, who) {
  return card(who ? 'Who decides' : 'What this would do', who ? 'As the vault itself says, before anybody is asked.' : 'As the vault itself says, before anybody is asked. Administrators sign it with the change.', el('div', 'stack', { 'aria-busy': dry.busy ? 'true' : 'false' }, inside(dry, names)), { key: 'impact' });
}

function inside(dry, names) {
  const { busy, value, error, incomplete, seconds, until = 'as soon as the form is filled in' } = dry;
  const working = busy && text('div', 'stack is-tight', text('p', 'small muted', seconds > 1 ? `The vault plays its history again: ${plural(seconds, 'second')} so far` : 'Asking the vault'), el('div', 'progress-line is-endless', {}));
  if (incomplete && !value) return text('p', 'muted', `It is shown here ${until}.`);
  if (error) return [working, text('div', 'stack is-tight', text('p', '', text('strong', '', 'The vault would refuse it'), `: ${error.said ?? error.message}.`), error.remedy && text('p', 'small', error.remedy), text('p', 'code small muted', error.code), !busy && error.code !== 'INVALID_REQUEST' && button('is-small', 'c.dry', icon('refresh'), 'Ask again'))];
  if (!value) return working || undefined;
  return [working, el('div', 'stack', {}, incomplete && text('p', 'small muted', 'This is of before the last changes: fill in what is missing.'), answer(value, names))];
}

function answer({ decision, remaining, impact }, names) {
  if (decision.state === 'DENIED') return text('p', '', text('strong', '', 'The vault will refuse it'), `: ${decision.reasons.join('; ')}.`);
  const all = sorted(impact?.summary ?? []), quiet = Object.values(all).every((l) => l.length === 0);
  return [
    text('p', '', text('span', 'eyebrow', 'Who decides'), `${upper(steps({ decision, remaining }, names))}.`),
    ...SORTS.filter(([sort]) => sort !== 'gone').concat(SORTS.slice(0, 1)).map(([sort, , title]) => all[sort].length > 0 && el('div', '', { key: sort }, text('p', 'eyebrow', sort === 'new' ? badge('is-warning', 'alert', title) : title), text('ul', 'stack is-tight', all[sort].map((s, i) => el('li', '', { key: i }, upper(s), '.'))))),
    quiet && text('p', 'muted', 'Nothing that was asked for, or is open, would have gone another way.'),
    impact?.more > 0 && text('p', 'small muted', `The report has ${plural(impact.more, 'more sentence')}.`),
    impact && text('p', 'small muted', `Computed over ${plural(impact.log, 'entry', 'entries')} of the log.`),
  ];
}

/** heard is the answer in a word, for those who do not see it come. */
export function heard({ busy, value, error }) {
  if (busy) return '';
  if (error) return `The vault would refuse it: ${error.said ?? error.message}`;
  return value ? `What this would do: ${value.impact?.summary?.[0] ?? 'see below'}` : '';
}
