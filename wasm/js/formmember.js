// Members: invited, and asked for once they have registered; suspended, resumed, revoked; their
// keys replaced when a token was lost.

import { choice, field } from './controls.js';
import { following, fresh, ids, named, newID, objectOf, saidOf } from './formparts.js';
import { card, el, fact, icon, identifier, link, moment, notice, text } from './nodes.js';

const memberAt = (at, vault) => vault.members.find((m) => m.id === objectOf(at));
const back = ({ member, invited }) => (invited ? '/vault/members' : `/vault/${member}`);

// stated is a form that changes the state of a member, and has nothing to fill in.
const stated = (verb, kind, fits, lead) => ({
  title: ({ draft }) => `${verb} ${draft.name}`,
  lead: () => lead,
  begin(at, vault) {
    const m = memberAt(at, vault);
    return m && (fits(m) ? { version: m.version, draft: { member: m.id, name: m.name } } : { why: `${m.name} is ${m.state.toLowerCase()} already` });
  },
  back,
  fields: () => [],
  check: () => [],
  intent: (draft, version) => ({ kind, v: 1, member: draft.member, from_version: version, name: '', role: '', ...saidOf(draft) }),
});

export const memberSuspend = stated('Suspend', 'member.suspend', (m) => m.state === 'ACTIVE', 'From the last approval on they count for nothing, also in what they have approved and is open, until they are resumed.');
export const memberResume = stated('Resume', 'member.resume', (m) => m.state === 'SUSPENDED', 'They count again, as before.');
export const memberRevoke = stated('Revoke', 'member.revoke', (m) => m.state !== 'REVOKED', 'As if suspended, but for good: a member who is revoked is never resumed.');

const ROLES = [['OPERATOR', 'Operator: decides where rules or groups name them'], ['ADMIN', 'Administrator: also approves what changes the vault'], ['AUDITOR', 'Auditor: reads, and approves nothing']];

export const memberInvite = {
  alone: true, secret: true, path: '/v1/invitations', send: 'Make the invitation',
  title: ({ draft }) => `Invite ${draft.name.trim() || 'a member'}`,
  lead: () => 'An invitation decides nothing: whoever has it registers with keys of their own token, and then the administrators decide.',
  begin: () => ({ version: 0, draft: { member: '', name: '', role: 'OPERATOR', is: 'PERSON', invited: true } }),
  back,
  fields: (f) => [
    field(f, 'name', 'Name', { maxlength: '64', autocomplete: 'off' }), newID(f, 'member', 'mem'),
    choice(f, 'role', 'Role', ROLES), choice(f, 'is', 'Who approves', [['PERSON', 'A person, who reads it'], ['PROGRAM', 'A program: nobody reads what it approves']]),
  ],
  follow: following('member', 'mem', (vault) => ids(vault.members)),
  check({ name, member }, vault) {
    const errors = [];
    named(errors, 'name', name);
    fresh(errors, 'member', 'mem', member, ids(vault.members));
    return errors;
  },
  body: ({ member, name, role, is }) => ({ member, name: name.trim(), role, is }),
  done,
};

export const memberReplace = {
  alone: true, secret: true, path: '/v1/invitations', send: 'Make the invitation',
  title: ({ draft }) => `Replace the keys of ${draft.name}`,
  lead: () => 'They register with another token, and the administrators decide. Whoever fears that somebody has the old one suspends the member first.',
  begin(at, vault) {
    const m = memberAt(at, vault);
    return m && (m.state === 'REVOKED' ? { why: `${m.name} is revoked for good` } : { version: m.version, draft: { member: m.id, name: m.name } });
  },
  back,
  fields: () => [],
  check: () => [],
  body: ({ member }) => ({ member }),
  done,
};

// done shows what was made: the address is said once, and is kept nowhere.
function done({ draft }, made) {
  if (!made) return undefined;
  const command = `countersign-bridge member register ${made.url}`;
  return el('div', 'stack', { key: 'made' },
    notice('is-positive', 'check', `The invitation of ${draft.name.trim()} is made`, 'Its address is shown this once. Give it to them alone, on a way that others cannot read: whoever has it first can register.'),
    card('What to give them', '', text('dl', 'facts is-lines', fact('Address', identifier(made.url, 'address of the invitation')), fact('They run', identifier(command, 'command')), fact('Until', moment(made.expires_at)))),
    text('p', '', 'Once they have registered, the invitation under Members leads to the request that the administrators decide on. They compare its fingerprint with what the member reads to them.'),
    text('div', 'cluster', link('button', '/vault/members', icon('users'), 'Show the members')));
}

export const memberJoin = {
  load: async (ask, at) => (await ask('/v1/invitations')).invitations.find((i) => i.member === objectOf(at)),
  title: ({ draft }) => (draft.exists ? `New keys for ${draft.name}` : `Admit ${draft.name}`),
  lead: ({ draft }) => `${draft.name} has registered. Administrators read the fingerprint of the registration in their bridge, and compare it with what the member reads to them.`,
  begin(at, vault, invitation) {
    if (!invitation) return { why: 'There is no invitation of this member, or it has expired' };
    if (invitation.state !== 'registered') return { why: invitation.state === 'open' ? 'Nobody has registered with this invitation yet' : 'They have joined' };
    const m = memberAt(at, vault);
    return { version: m?.version ?? 0, draft: { member: invitation.member, name: m?.name ?? invitation.name, exists: Boolean(m), invited: true } };
  },
  back,
  fields: ({ draft, context }) => card(undefined, '', text('dl', 'facts', fact('Member', identifier(draft.member)), !draft.exists && fact('Role', ROLES.find(([role]) => role === context.role)?.[1] ?? context.role), !draft.exists && fact('Is', context.is === 'PROGRAM' ? 'A program' : 'A person'))),
  check: () => [],
  intent(draft, version, { role, is, registration }) {
    if (draft.exists) return { kind: 'member.replace_keys', v: 1, member: draft.member, from_version: version, name: '', role: '', registration, ...saidOf(draft) };
    return { kind: 'member.invite', v: 1, member: draft.member, name: '', role, is, registration, ...saidOf(draft) };
  },
};

/** invitations are those that are open or wait for the administrators. */
export function invitations(all, lang) {
  const waiting = all.filter((i) => i.state !== 'joined');
  return waiting.length > 0 && card('Invitations', 'Each works for seven days.', text('ul', 'list', waiting.map((i) => el('li', '', { key: i.member }, text('div', 'row is-done',
    text('div', 'row-main', text('span', 'row-title', i.name ?? i.member), text('span', 'row-sub', i.state === 'open' ? 'Nobody has registered yet · until ' : 'Registered · until ', moment(i.expires_at, lang))),
    text('div', 'row-end', i.state === 'registered' && link('button is-small is-primary', `/vault/join_${i.member}`, 'Ask the administrators'), el('button', 'button is-small is-quiet', { type: 'button', on: { click: `withdraw:${i.member}` }, 'aria-label': `Withdraw the invitation of ${i.name ?? i.member}` }, 'Withdraw')))))), { flush: true, key: 'invitations' });
}

