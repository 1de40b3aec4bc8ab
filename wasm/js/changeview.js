// The page on which somebody writes a change of the vault: the form, what is wrong with it, and
// what it would do. Pictures for the painter; change.js keeps what is typed.

import { plainly } from './controls.js';
import { whole } from './drypart.js';
import { button, card, el, empty, icon, link, loaded, notice, text, trouble } from './nodes.js';
import { impactPicture } from './impactview.js';
import { trialPicture } from './trial.js';

/** changePicture: c is what change.js keeps; vault what GET /v1/vault answered, or the error. */
export function changePicture(c, vault, lang) {
  return loaded(vault, 'again', (v) => (c.form && c.draft ? page(c, v, lang) : missing(c)));
}

const missing = (c) => (c.form ? notice('is-info', 'info', c.gone ?? 'This cannot be changed now', 'It may have changed meanwhile.', link('button is-small', '/vault', 'Show the vault')) : empty('info', 'There is nothing to change here', 'The address may be mistyped.', link('button', '/vault', 'Show the vault')));

function page(c, vault, lang) {
  const { form, draft, errors, busy } = c, f = { draft, errors, vault, lang, context: c.context, found: c.found }, names = new Map(vault.members.map((m) => [m.id, m.name]));
  const asks = !form.alone, first = !c.context && form.first, done = c.made && (form.done?.(f, c.made) ?? asked(c.made));
  return text('div', 'stack',
    link('back', form.back(draft), icon('back'), 'Back'),
    text('div', 'stack is-tight', el('h2', 'lead strong', { id: 'f-title', tabindex: '-1' }, form.title(f)), form.lead && text('p', 'muted', form.lead(f))),
    done ?? el('div', asks ? 'split' : 'stack', { key: 'work' },
      el('form', 'form split-main', { novalidate: true, on: { submit: 'c.send' }, key: 'form', 'aria-labelledby': 'f-title' },
        refused(c), c.restored && restored(), c.behind && behind(c),
        form.fields(f), asks && plainly(f, form.who),
        text('div', 'form-foot stack', text('div', 'cluster', el('button', `button is-primary ${busy ? 'is-busy' : ''}`.trim(), { type: 'submit', 'aria-disabled': busy ? 'true' : undefined }, first?.send ?? form.send ?? `Ask the ${form.who ?? 'administrators'}`), button('is-quiet', 'c.leave', 'Cancel')),
          asks && text('p', 'small muted', first?.foot ?? form.foot ?? 'Nothing changes yet: it becomes a request, which administrators read in their own bridge and sign.'))),
      asks && text('div', 'split-side stack', form.who && c.dry.value ? ruled(c.dry, names, lang) : impactPicture(c.dry, names, form.who), form.tries && trialPicture(f, c.dry.value?.trial, names, lang))));
}

// ruled is what the rules say of what is no change of the vault.
const ruled = (dry, names, lang) => el('div', '', { key: 'impact', 'aria-busy': dry.busy ? 'true' : 'false' }, whole(dry.value, names, lang));

// asked stands where the request is shown elsewhere.
const asked = ({ id, sentence }) => notice('is-positive', 'check', 'The administrators are asked', sentence ?? '', link('button is-small', `/requests/${id}`, 'Show the request'), link('button is-small is-quiet', '/vault', 'Show the vault'));

// refused are what is wrong: it takes the focus, and leads to each field.
function refused({ errors, failed, tried }) {
  if (!tried && !failed) return undefined;
  const listed = errors.filter((e) => e.field);
  if (errors.length === 0 || !tried) return failed && el('div', '', { key: 'failed', id: 'f-errors', tabindex: '-1' }, trouble(failed));
  return el('div', 'notice is-negative', { role: 'group', 'aria-labelledby': 'f-wrong', id: 'f-errors', tabindex: '-1', key: 'errors' }, icon('alert'), text('div', 'notice-body',
    el('p', 'notice-title', { id: 'f-wrong' }, listed.length === 1 ? 'One thing is to be mended' : `${listed.length} things are to be mended`),
    text('ul', 'stack is-tight', listed.map((e) => el('li', '', { key: e.field }, el('button', 'link', { type: 'button', on: { click: `c.goto:${e.field}` } }, e.message)))), text('p', 'small', 'Nothing was sent.')));
}

const restored = () => el('div', 'notice is-info', { role: 'group', key: 'restored' }, icon('history'), text('div', 'notice-body', text('p', 'notice-title', 'You wrote this before, and did not send it'), text('div', 'notice-actions', button('is-small', 'c.fresh', 'Start over'))));

const behind = ({ behind }) => el('div', 'notice is-warning', { role: 'group', key: 'behind' }, icon('alert'), text('div', 'notice-body', text('p', 'notice-title', `It changed meanwhile: version ${behind} counts now`), text('p', '', 'What you wrote is for the version before.'),
  text('div', 'notice-actions', button('is-small', 'c.fresh', 'Start over from the new one'), button('is-small is-quiet', 'c.over', 'Keep mine instead of it'))));

