// The admin rule: how many administrators must approve what changes the vault.

import { field } from './controls.js';
import { whole } from './draft.js';
import { saidOf } from './formparts.js';

const bounds = ({ sandbox, admin_rule: { admins } }) => (sandbox ? [1, admins.length] : [2, admins.length - 1]);

export const adminRule = {
  title: () => 'Change the admin rule',
  begin: (_, { admin_rule: { version, quorum } }) => ({ version, draft: { quorum: String(quorum) } }),
  back: () => '/vault/admin',
  fields: (f) => field(f, 'quorum', 'Administrators who must approve what changes the vault', { inputmode: 'numeric', hint: `Of ${f.vault.admin_rule.admins.length} who are active: from ${bounds(f.vault)[0]} to ${bounds(f.vault)[1]}.` }),
  check({ quorum }, vault) {
    const n = whole(quorum), [least, most] = bounds(vault);
    return n >= least && n <= most ? [] : [{ field: 'quorum', message: least > most ? 'It takes three active administrators to have a rule' : `Write a number from ${least} to ${most}` }];
  },
  intent: (draft, version) => ({ kind: 'admin_rule.put', v: 1, from_version: version, quorum: whole(draft.quorum), before: 0, admins: 0, ...saidOf(draft) }),
};
