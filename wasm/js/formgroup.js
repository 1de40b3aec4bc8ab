// Groups: which members are in one, and that one is removed.

import { field, some } from './controls.js';
import { following, fresh, ids, named, newID, objectOf, saidOf } from './formparts.js';
import { list, plural, text } from './nodes.js';

const all = (vault) => ids(vault.groups);

export const groupPut = {
  title: ({ draft, vault }) => (draft.made ? 'New group' : `Change the group ${vault.groups.find((g) => g.id === draft.group)?.name ?? draft.group}`),
  begin(at, vault) {
    const g = vault.groups.find((one) => one.id === objectOf(at));
    if (!g) return at === 'new_group' ? { version: 0, draft: { made: true, group: '', name: '', members: [] } } : undefined;
    return { version: g.gone ? 0 : g.version, draft: { made: false, group: g.id, name: g.name, members: g.members.filter((id) => vault.members.find((m) => m.id === id)?.state === 'ACTIVE') } };
  },
  back: ({ made, group }) => (made ? '/vault/groups' : `/vault/${group}`),
  fields: (f) => [
    field(f, 'name', 'Name', { maxlength: '64' }), f.draft.made && newID(f, 'group', 'grp'), leaving(f),
    some(f, 'members', 'Members', f.vault.members.filter((m) => m.state === 'ACTIVE').map((m) => [m.id, `${m.name}, ${{ ADMIN: 'administrator', OPERATOR: 'operator', AUDITOR: 'auditor, who approves nothing' }[m.role]}`]), { hint: 'Rules that name the group count whoever is in it, also for what is open.' }),
  ],
  follow: following('group', 'grp', all),
  check({ made, group, name, members }, vault) {
    const errors = [];
    named(errors, 'name', name);
    if (made) fresh(errors, 'group', 'grp', group, all(vault));
    if (members.length === 0) errors.push({ field: 'members', message: 'Choose at least one member' });
    return errors;
  },
  intent: (draft, version) => ({ kind: 'group.put', v: 1, group: draft.group, from_version: version, name: draft.name.trim(), members: draft.members.map((member) => ({ member, name: '' })), ...saidOf(draft) }),
  placed: (at) => (at?.startsWith('members') ? 'members' : at),
};

// leaving says who is not active any more: a group that is written has active members alone.
function leaving({ draft, vault }) {
  const gone = (vault.groups.find((g) => g.id === draft.group)?.members ?? []).map((id) => vault.members.find((m) => m.id === id)).filter((m) => m && m.state !== 'ACTIVE');
  return gone.length > 0 && text('p', 'small', `${list(gone.map((m) => `${m.name} (${m.state.toLowerCase()})`))} ${gone.length === 1 ? 'leaves' : 'leave'} the group with this change: only active members can be written into one.`);
}

export const groupRemove = {
  title: ({ draft }) => `Remove the group ${draft.name}`,
  begin(at, vault) {
    const g = vault.groups.find((one) => one.id === objectOf(at));
    return g?.gone ? { why: 'The group is removed already' } : g && { version: g.version, draft: { group: g.id, name: g.name, members: g.members } };
  },
  back: ({ group }) => `/vault/${group}`,
  fields: ({ draft, vault }) => text('p', '', `${plural(draft.members.length, 'member')}: ${list(draft.members.map((id) => vault.members.find((m) => m.id === id)?.name ?? id))}. A group that a rule names cannot be removed.`),
  check: () => [],
  intent: (draft, version) => ({ kind: 'group.remove', v: 1, group: draft.group, from_version: version, name: '', members: null, ...saidOf(draft) }),
};
