// Reporting keys: made with a secret that is shown once, before anybody is asked, and revoked.

import { choice, field, some } from './controls.js';
import { kept } from './draft.js';
import { fail } from './errors.js';
import { following, fresh, ids, named, newID, objectOf, saidOf } from './formparts.js';
import { card, el, fact, fingerprint, icon, link, list, moment, notice, text } from './nodes.js';

const SCOPES = [['ACCOUNTS', 'Accounts that I choose'], ['ALL', 'Everything: each account, also those created later, and the whole log']];
const all = (vault) => ids(vault.reporting_keys);

/** readsOf says what a key reads: in words, or the accounts as show pictures them. */
export const readsOf = (vault, { reads, accounts = [] }, show = (a) => a.name) => (reads === 'ALL' ? ['Every account, and the whole log'] : accounts.map((id) => show(vault.accounts.find((a) => a.id === id) ?? { id, name: id })));

// lastOf is the last second of a day that was written as 2027-11-20, in Unix seconds; NaN when it is not a day.
function lastOf(day) {
  const end = new Date(`${day}T23:59:59Z`);
  return !Number.isNaN(end.getTime()) && end.toISOString().startsWith(`${day}T`) ? end.getTime() / 1000 : NaN;
}

export const reportingCreate = {
  // The secret is made first, and only then can the administrators be asked.
  first: { path: '/v1/reporting-keys', send: 'Make the secret', focus: 'secret', until: 'once the secret is made', foot: 'Its secret is made and shown first. The administrators are asked after that.', took: holds },
  title: ({ draft }) => (draft.name.trim() ? `New reporting key ${draft.name.trim()}` : 'New reporting key'),
  lead: () => 'For a back office that only reads: it sees what happens in accounts, and can ask for, approve and change nothing.',
  begin: () => ({ version: 0, draft: { reporting_key: '', name: '', reads: 'ACCOUNTS', accounts: [], expires: '' } }),
  back: () => '/vault/reporting',
  fields: (f) => [
    field(f, 'name', 'Name', { maxlength: '64' }), newID(f, 'reporting_key', 'rpk'), choice(f, 'reads', 'What it reads', SCOPES, { hint: 'This never changes: to read something else takes another key.' }),
    f.draft.reads === 'ACCOUNTS' && some(f, 'accounts', 'Accounts', f.vault.accounts.map((a) => [a.id, a.name])),
    field(f, 'expires', 'Last day', { type: 'date', min: f.vault.server_time?.slice(0, 10), hint: 'It works to the end of that day, UTC. Empty: until it is revoked.' }),
    f.context && secret(f.context, 'It works once the administrators have approved; they are asked with the button below.'),
  ],
  follow: following('reporting_key', 'rpk', all),
  check({ name, reporting_key: id, reads, accounts, expires }, vault) {
    const errors = [], last = lastOf(expires);
    named(errors, 'name', name);
    fresh(errors, 'reporting_key', 'rpk', id, all(vault));
    if (reads === 'ACCOUNTS' && accounts.length === 0) errors.push({ field: 'accounts', message: 'Choose at least one account' });
    if (expires && !last) errors.push({ field: 'expires', message: 'Write a day, such as 2027-11-20' });
    else if (last * 1000 <= Date.parse(vault.server_time)) errors.push({ field: 'expires', message: 'That day is over' });
    return errors;
  },
  intent: (draft, _, { verifier }) => ({
    kind: 'reporting_key.create', v: 1, reporting_key: draft.reporting_key, name: draft.name.trim(), reads: draft.reads, ...(draft.reads === 'ACCOUNTS' && { accounts: draft.accounts.map((account) => ({ account, name: '' })) }),
    verifier, ...kept({ expires: draft.expires && lastOf(draft.expires) }), ...saidOf(draft),
  }),
  placed: (at) => (at?.startsWith('accounts') ? 'accounts' : at),
  done: ({ draft, context }, made) => el('div', 'stack', { key: 'made' },
    notice('is-positive', 'check', 'The administrators are asked', `${draft.name.trim()} works once they have approved.`, link('button is-small', `/requests/${made.id}`, 'Show the request'), link('button is-small is-quiet', '/vault/reporting', 'Show the reporting keys')),
    secret(context, 'Leave this page only when it is where it will be used.')),
};

// holds refuses a secret that would never work: its verifier is its SHA-256, which the page knows to compute.
async function holds({ apiKey, verifier }) {
  const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(apiKey)));
  if (btoa(String.fromCharCode(...sum)).replaceAll('+', '-').replaceAll('/', '_').replace('=', '') === verifier) return;
  throw fail('INTERNAL_ERROR', 'The gateway made a secret with the verifier of another', { remedy: 'Nothing was asked for. Tell whoever runs the gateway.' });
}

// secret shows what was made, as long as the page is open. Nothing keeps it.
const secret = ({ apiKey, verifier, words, digits }, more) => el('div', 'stack', { id: 'f-secret', tabindex: '-1', key: 'secret', role: 'group', 'aria-label': 'The secret' },
  notice('is-warning', 'key', 'Copy the secret now: it will not be shown again', `Nothing keeps it, neither this page nor the gateway. ${more}`),
  card('The secret', 'Whoever has it reads what the key reads. Give it to the back office alone, on a way that others cannot read.', text('div', 'stack is-tight', el('pre', 'mono checkpoint', { translate: 'no' }, apiKey), text('div', 'cluster', el('button', 'button is-small', { type: 'button', copy: apiKey }, icon('copy'), 'Copy the secret')))),
  card('To be read to the administrators', 'Face to face or by voice, by whoever has the secret: each administrator compares it with what their own bridge shows. It is not secret.', fingerprint({ thumbprint: verifier, words, digits }, 'verifier')));

export const reportingRevoke = {
  title: ({ draft }) => `Revoke the reporting key ${draft.name}`,
  lead: () => 'For good: with the last approval it reads nothing any more. Whoever still has to read gets another key, with another secret.',
  begin(at, vault) {
    const k = vault.reporting_keys.find((one) => one.id === objectOf(at));
    return k && (k.state === 'REVOKED' ? { why: `${k.name} is revoked already` } : { version: k.version, draft: { reporting_key: k.id, name: k.name } });
  },
  back: ({ reporting_key: id }) => `/vault/${id}`,
  fields({ draft, vault }) {
    const k = vault.reporting_keys.find((one) => one.id === draft.reporting_key);
    return k && card(undefined, '', text('dl', 'facts', fact('Reads', list(readsOf(vault, k))), fact('Last used', used(k))));
  },
  check: () => [],
  intent: (draft, version) => ({ kind: 'reporting_key.revoke', v: 1, reporting_key: draft.reporting_key, from_version: version, name: '', ...saidOf(draft) }),
};

/** used is when a key was last used; the log does not say that. */
export const used = ({ last_used_at: at }, lang) => (at ? moment(at, lang, '') : 'Never');
