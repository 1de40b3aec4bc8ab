// The table of forms: what of the vault can be changed on a page, each under its address (/vault/change_grp_board), with the
// door that leads to it. A kind of change is one file with a form, and a row here.
//
// A form has: title(f) and fields(f), pictures of f = { draft, errors, vault, context }; begin(at, vault, context), which
// returns the draft of what there is and its version, or why there is none; check(draft, vault), the mistakes that the page
// sees; intent(draft, version, context), what is asked for (shared/spec/intent.md), fields in their order; back(draft), where
// it came from. It may have: load(ask, at, vault), what it needs besides; act(draft, action), its own actions; follow(draft,
// before, action, vault), what changes with something else; placed(field, draft), the part of the draft that a refusal means;
// tries(draft), the request that the dry run is to try (trial.js); lead(f); send; who, and foot, when others than the administrators decide on it; done(f, made), what is shown of what was asked
// for. One that is not a request itself is alone, with path and body; it is secret when the draft must not be kept. One for which
// something is made first has first: { path, send, focus, until, foot, took(made) }; what was made is its context, in memory alone.

import { accountEdit, accountNew } from './formaccount.js';
import { adminRule } from './formadmin.js';
import { groupPut, groupRemove } from './formgroup.js';
import { memberInvite, memberJoin, memberReplace, memberResume, memberRevoke, memberSuspend } from './formmember.js';
import { messageSign } from './formmessage.js';
import { reportingCreate, reportingRevoke } from './formreporting.js';
import { whitelistPut } from './formwhitelist.js';

// on: the screen or the kind of object that has the door. when: whether there is a door to an object.
const FORMS = {
  new_account: { form: accountNew, on: '', label: 'New account' },
  new_group: { form: groupPut, on: 'groups', label: 'New group' },
  new_whitelist: { form: whitelistPut, on: 'whitelists', label: 'New whitelist' },
  new_member: { form: memberInvite, on: 'members', label: 'Invite a member' },
  new_reporting_key: { form: reportingCreate, on: 'reporting', label: 'New reporting key' },
  change_acc: { form: accountEdit, on: 'account', label: 'Change' },
  sign_acc: { form: messageSign, on: 'account', label: 'Sign a message', when: (o) => o.chain.startsWith('eip155:') },
  change_grp: { form: groupPut, on: 'group', label: 'Change' },
  remove_grp: { form: groupRemove, on: 'group', label: 'Remove', when: (o) => !o.gone },
  change_wls: { form: whitelistPut, on: 'whitelist', label: 'Change' },
  change_admin: { form: adminRule, on: 'admin_rule', label: 'Change' },
  suspend_mem: { form: memberSuspend, on: 'member', label: 'Suspend', when: (o) => o.state === 'ACTIVE' },
  resume_mem: { form: memberResume, on: 'member', label: 'Resume', when: (o) => o.state === 'SUSPENDED' },
  replace_mem: { form: memberReplace, on: 'member', label: 'Replace keys', when: (o) => o.state !== 'REVOKED' },
  revoke_mem: { form: memberRevoke, on: 'member', label: 'Revoke', when: (o) => o.state !== 'REVOKED' },
  revoke_rpk: { form: reportingRevoke, on: 'reporting_key', label: 'Revoke', when: (o) => o.state !== 'REVOKED' },
  join_mem: { form: memberJoin },
};

/** isForm reports whether a place of the vault is a form. */
export const isForm = (at) => at.includes('_') && !/^(mem|grp|wls|acc|rpk|req|adm)_/.test(at);

/** formAt is the form at a place; undefined where there is none. */
export const formAt = (at) => (FORMS[at] ?? FORMS[/^[a-z]+_[a-z]{3}(?=_)/.exec(at)?.[0]])?.form;

/** doorsOf lead from a screen, or from an object of a kind, to the forms that it has: [label, path]. */
export function doorsOf(on, object) {
  return Object.entries(FORMS).filter(([, door]) => door.on === on && (!object || !door.when || door.when(object)))
    .map(([at, { label }]) => [label, `/vault/${!object || at === 'change_admin' ? at : `${at.split('_')[0]}_${object.id}`}`]);
}
