// What the vault's screens show of what the gateway says (shared/spec/wire.md, GET /v1/vault):
// pictures for the painter. Pure.

import { compared } from './diff.js';
import { doorsOf, isForm } from './forms.js';
import { invitations } from './formmember.js';
import { objectOf } from './formparts.js';
import { readsOf, used } from './formreporting.js';
import { address, badge, button, card, day, el, empty, fingerprint, icon, identifier, link, list, moment, plural, text, upper } from './nodes.js';

const TABS = [['', 'Who may pay whom'], ['members', 'Members'], ['groups', 'Groups'], ['whitelists', 'Whitelists'], ['reporting', 'Reporting keys'], ['log', 'Log'], ['receipt', 'Receipt']];
const PLACES = { mem: 'members', grp: 'groups', gro: 'groups', wls: 'whitelists', whi: 'whitelists', rpk: 'reporting', rep: 'reporting', req: 'receipt', adm: 'members' };

// tabs leads to each part; an object and a receipt belong to one of them.
export function tabs(at) {
  const here = TABS.some(([name]) => name === at) ? at : PLACES[(isForm(at) ? objectOf(at) : at).slice(0, 3)] ?? '';
  return el('nav', 'tabs', { 'aria-label': 'Vault', key: 'tabs' }, TABS.map(([name, label]) => el('a', 'tab', { href: name ? `/vault/${name}` : '/vault', key: name || 'accounts', ...(name === here && { 'aria-current': 'page' }) }, label)));
}

const chainName = (vault, id) => vault.chains.find((c) => c.id === id)?.name ?? id;
const nameOf = (all, id) => all.find((one) => one.id === id)?.name ?? id;
const at = (id) => `/vault/${id}`;
const versionOf = (o) => link('link small nowrap', at(o.id ?? 'admin'), `Version ${o.version}`);

// doors lead to the forms with which a screen, or an object, is changed.
export const doors = (on, object, cls = 'is-small') => doorsOf(on, object).map(([label, href]) => link(`button ${cls}`, href, icon(object ? 'arrow' : 'buy'), label));

const above = (on) => text('div', 'cluster', doors(on));

/** accounts: who may pay whom, as a table of each account's rules. */
export function accounts(vault) {
  if (vault.accounts.length === 0) return empty('accounts', 'No accounts', 'The vault has no accounts.', doors('', undefined, ''));
  return text('div', 'stack', above(''), vault.accounts.map((a) => account(vault, a)), rootCard(vault));
}

function account(vault, a) {
  const place = [chainName(vault, a.chain), a.tier, a.parent && `funded by ${nameOf(vault.accounts, a.parent)}`].filter(Boolean).join(' · ');
  return card(link('link', at(a.id), a.name), place, [
    text('div', 'vault-address', address(a.address)),
    el('div', 'table-wrap', { tabindex: '0', role: 'region', 'aria-label': `What ${a.name} may pay` },
      text('table', 'table is-stack is-tall',
        text('thead', '', text('tr', '', ['Rule', 'For', 'To', 'Takes'].map((h) => el('th', '', { scope: 'col' }, h)))),
        text('tbody', '', a.said.map((r, i) => rule(vault, a, r, i + 1))))),
    a.sweep && text('p', 'card-note small', sweepOf(a.sweep)),
    text('p', 'card-note small muted', 'Rules are asked from the top, those that deny first: the first that fits decides. What none fits is denied.'),
  ], { flush: true, actions: text('div', 'cluster', versionOf(a), change(a.id, a.name)), key: a.id });
}

// sweepOf says the standing rule, as administrators read it when they approve it (shared/intent/sweep.go).
const sweepOf = ({ max_fee: once, per_day: day }) => `What arrives at its deposit addresses goes on to its own address without asking, for at most ${once} of the chain’s coin each time, and ${day} in 24 hours.`;

// change leads to the form of an object in a list.
const change = (id, name) => el('a', 'link small nowrap', { href: `/vault/change_${id}`, 'aria-label': `Change ${name}` }, 'Change');

function rule(vault, a, said, number) {
  const is = a.rules.rules.find((r) => r.name === said.name) ?? {};
  return el('tr', '', { key: said.name },
    el('th', '', { scope: 'row' }, text('span', 'strong', `${number}. ${said.name}`)),
    el('td', '', { 'data-label': 'For' }, text('span', '', upper(said.for))),
    el('td', '', { 'data-label': 'To' }, said.deny ? text('span', 'muted', '–') : text('div', 'flow', icon('arrow'), text('div', 'cluster', targets(vault, is, a.id).map((t) => (t.id ? text('div', '', link('link', at(t.id), t.name), recipients(vault, t.entries)) : text('span', 'badge', t.name)))))),
    el('td', '', { 'data-label': 'Takes' }, said.deny ? badge('is-negative', 'cross', 'Denied') : text('ol', 'needs', said.needs.map((n, i) => text('li', '', said.needs.length > 1 && text('span', 'muted', `${i + 1}. `), n)))));
}

const SHOWN = 3; // recipients of a whitelist, beside its name

// recipients are whose the addresses of a whitelist are.
function recipients(vault, entries) {
  const some = entries.slice(0, SHOWN).map((e) => own(vault, e)), more = entries.length - some.length;
  return some.length > 0 && text('div', 'small muted', [...some, ...(more > 0 ? [`${more} more`] : [])].join(', '));
}

// targets are those whom a rule lets an account pay: a whitelist, accounts of the vault,
// providers, or anybody. A rule that names no kinds is for purchases, whose asset comes back
// into the account.
export function targets(vault, rule, from) {
  const conditions = rule.when ?? [], all = [];
  for (const { whitelist: w, recipient: r } of conditions) {
    const children = r?.children ? vault.accounts.filter((a) => a.parent === from).map((a) => a.id) : [];
    for (const id of new Set([...children, ...(r?.accounts ?? [])])) all.push({ id, name: nameOf(vault.accounts, id), entries: [] });
    if (r?.children && children.length === 0) all.push({ name: 'accounts that this one funds' });
    if (w?.whitelist) all.push({ id: w.whitelist, name: nameOf(vault.whitelists, w.whitelist), entries: vault.whitelists.find((l) => l.id === w.whitelist)?.entries ?? [] });
    for (const p of w?.providers ?? []) all.push({ name: `provider ${p}` });
  }
  if (all.length > 0) return all;
  const kinds = conditions.flatMap((c) => c.filter?.kinds ?? []);
  const named = kinds.length > 0 ? kinds : ['buy'];
  return [...(named.includes('buy') ? [{ name: 'any provider' }] : []), ...(named.some((k) => k !== 'buy') ? [{ name: 'any address' }] : [])];
}

const STATES = { ACTIVE: ['is-positive', 'check', 'Active'], SUSPENDED: ['is-warning', 'pause', 'Suspended'], EXPIRED: ['is-warning', 'clock', 'Expired'], REVOKED: ['is-negative', 'cross', 'Revoked'] };
const stateBadge = (state) => badge(...(STATES[state] ?? ['', 'info', state]));
const ROLES = { ADMIN: 'Administrator', OPERATOR: 'Operator', AUDITOR: 'Auditor' };

/** members, who is invited, and the admin rule. */
export function members(vault, { invited, lang } = {}) {
  const { quorum, admins } = vault.admin_rule, order = { ACTIVE: 0, SUSPENDED: 1 };
  const all = [...vault.members].sort((a, b) => (order[a.state] ?? 2) - (order[b.state] ?? 2));
  return text('div', 'stack',
    above('members'), invited && invitations(invited, lang),
    card('What changes the vault', '', text('p', '', `${quorum} of ${plural(admins.length, 'administrator')} must approve it: ${list(admins.map((id) => nameOf(vault.members, id)))}.`), { actions: text('div', 'cluster', versionOf(vault.admin_rule), change('admin', 'the admin rule')) }),
    text('ul', 'list', all.map((m) => el('li', '', { key: m.id }, link('row', at(m.id),
      el('span', 'avatar', { 'aria-hidden': 'true' }, upper(m.name).slice(0, 1)),
      text('div', 'row-main', text('span', 'row-title', m.name), text('span', 'row-sub', `${ROLES[m.role] ?? m.role} · signs with a ${m.curve} key · version ${m.version}`)),
      text('div', 'row-end', stateBadge(m.state)), icon('chevron'))))));
}

/** groups and who is in each. */
export function groups(vault) {
  if (vault.groups.length === 0) return empty('users', 'No groups', 'Rules of this vault name members one by one.', doors('groups', undefined, ''));
  return text('div', 'stack', above('groups'), vault.groups.map((g) => card(link('link', at(g.id), g.name), plural(g.members.length, 'member'), g.gone
    ? text('p', '', `Removed. Until then: ${list(g.members.map((id) => nameOf(vault.members, id)))}.`)
    : text('div', 'cluster', g.members.map((id) => member(vault, id))), { actions: text('div', 'cluster', g.gone && badge('', 'minus', 'Removed'), versionOf(g), !g.gone && change(g.id, g.name)), cls: g.gone ? 'is-sunken' : '', key: g.id })));
}

function member(vault, id) {
  const m = vault.members.find((one) => one.id === id);
  return link('link', at(id), m?.state === 'ACTIVE' ? m.name : `${m?.name ?? id} (${STATES[m?.state]?.[2].toLowerCase() ?? 'unknown'})`);
}

/** whitelists with their addresses. */
export function whitelists(vault) {
  if (vault.whitelists.length === 0) return empty('tag', 'No whitelists', 'No rule of this vault says to which addresses something may be sent.', doors('whitelists', undefined, ''));
  return text('div', 'stack', above('whitelists'), vault.whitelists.map((l) => card(link('link', at(l.id), l.name), plural(l.entries.length, 'address', 'addresses'),
    el('div', 'table-wrap', { tabindex: '0', role: 'region', 'aria-label': `Addresses of ${l.name}` }, text('table', 'table is-stack is-tall',
      text('thead', '', text('tr', '', ['Whose', 'Address', 'Chain'].map((h) => el('th', '', { scope: 'col' }, h)))),
      text('tbody', '', l.entries.map((e) => el('tr', '', { key: `${e.chain} ${e.address}` }, el('th', '', { scope: 'row' }, text('span', 'strong', own(vault, e))),
        el('td', '', { 'data-label': 'Address' }, address(e.address)), el('td', '', { 'data-label': 'Chain' }, text('span', '', chainName(vault, e.chain)))))))),
    { flush: true, actions: text('div', 'cluster', l.gone && badge('', 'minus', 'Removed'), versionOf(l), change(l.id, l.name)), key: l.id })));
}

/** reporting: the keys that read, and do nothing else. */
export function reporting(vault, { lang } = {}) {
  if (vault.reporting_keys.length === 0) return empty('key', 'No reporting keys', 'With one, a back office reads accounts, balances and transactions, and can do nothing else.', doors('reporting', undefined, ''));
  const order = { ACTIVE: 0, EXPIRED: 1 }, all = [...vault.reporting_keys].sort((a, b) => (order[a.state] ?? 2) - (order[b.state] ?? 2));
  const cell = (label, ...kids) => el('td', '', { 'data-label': label }, ...kids);
  return text('div', 'stack', above('reporting'), card(undefined, '',
    el('div', 'table-wrap', { tabindex: '0', role: 'region', 'aria-label': 'Reporting keys' }, text('table', 'table is-stack is-tall',
      text('thead', '', text('tr', '', ['Key', 'Reads', 'Works until', 'Last used', 'State'].map((h) => el('th', '', { scope: 'col' }, h)))),
      text('tbody', '', all.map((k) => el('tr', '', { key: k.id }, el('th', '', { scope: 'row' }, link('link strong', at(k.id), k.name)),
        cell('Reads', text('div', 'cluster', readsOf(vault, k, (a) => link('link', at(a.id), a.name)))), cell('Works until', text('span', '', k.expires_at ? day(k.expires_at, lang) : k.state === 'REVOKED' ? '–' : 'It is revoked')),
        cell('Last used', text('span', '', used(k, lang))), cell('State', text('div', 'cluster', stateBadge(k.state), k.state !== 'REVOKED' && el('a', 'link small nowrap', { href: `/vault/revoke_${k.id}`, 'aria-label': `Revoke ${k.name}` }, 'Revoke')))))))), { flush: true }),
    text('p', 'small muted', 'When a key was last used is the gateway’s word alone; all else is in the log.'));
}

// own is whose an address is: an account of the vault is told apart from others.
function own(vault, entry) {
  const a = vault.accounts.find((one) => one.chain === entry.chain && one.address.toLowerCase() === entry.address.toLowerCase());
  return a ? `${entry.label} (the account ${a.name})` : entry.label;
}

// rootCard shows the vault's root key, for comparing.
export function rootCard(vault) {
  return card('Root key', 'All of the log verifies with it. Compare it with what the administrators read at the vault’s ceremony.', fingerprint(vault.root), { key: 'root' });
}

const KINDS = { member: 'Member', group: 'Group', whitelist: 'Whitelist', account: 'Account', reporting_key: 'Reporting key', admin_rule: 'Admin rule' };

/** object: what it says now, its versions, and what two of them differ in. */
export function object(o, pick, { lang, more, vault }) {
  const is = vault && [...vault.members, ...vault.groups, ...vault.whitelists, ...vault.accounts, ...vault.reporting_keys].find((one) => one.id === o.id);
  const [newest] = o.versions, [from, to] = picked(o, pick);
  return text('div', 'stack',
    text('div', 'stack is-tight', text('h2', 'lead strong', o.name), text('div', 'cluster', badge('is-accent', '', KINDS[o.kind] ?? o.kind), newest.gone && badge('', 'minus', 'Removed'), identifier(o.id)), text('div', 'cluster', (is || o.kind === 'admin_rule') && doors(o.kind, is ?? o))),
    text('div', 'split',
      text('div', 'split-main stack', from ? difference(o, from, to) : card(`Version ${newest.version}`, '', lines(newest.lines))),
      text('div', 'split-side stack', card('Versions', 'None is ever overwritten.', text('ol', 'history', o.versions.map((v) => version(o, v, lang))), {}),
        o.before && button('', 'older', more ? 'Loading' : 'Show older versions'))));
}

// picked are the two versions that are compared: those that were chosen, else the newest
// and the one before it. None where there is one alone.
export function picked({ versions }, pick) {
  const find = (n) => versions.find((v) => v.version === n);
  const to = find(pick?.[1]) ?? versions[0], older = versions.filter((v) => v.version < to.version);
  const from = pick?.[0] < to.version ? find(pick[0]) : undefined;
  return [from ?? older[0], to];
}

const lines = (all) => text('dl', 'facts is-lines', all.map(({ label, value }, key) => el('div', 'fact', { key }, text('dt', '', label), text('dd', '', value))));
const MARKS = { added: ['is-added', '+', 'Added'], removed: ['is-removed', '−', 'Removed'], kept: ['', '', 'Kept'] };

function difference(o, from, to) {
  const all = compared(from.lines, to.lines), count = (mark) => all.filter((l) => l.mark === mark).length;
  const choice = (action, label, chosen, from) => text('label', 'field', text('span', 'field-label', label), el('select', 'select', { on: { change: action }, prop: { value: String(chosen.version) } },
    from.map((v) => el('option', '', { value: String(v.version), key: v.version }, `Version ${v.version}`))));
  return card('What differs', `${plural(count('added'), 'line')} added, ${count('removed')} removed, ${count('kept')} kept`, [
    text('div', 'field-row', choice('from', 'From', from, o.versions.filter((v) => v.version < to.version)), choice('to', 'To', to, o.versions.slice(0, -1))),
    to.gone && text('p', '', 'It was removed with this version.'),
    el('ul', 'diff', { 'aria-label': `From version ${from.version} to version ${to.version}` }, all.map(({ mark, label, value }, key) => {
      const [cls, sign, word] = MARKS[mark];
      return el('li', `diff-line ${cls}`.trim(), { key }, el('span', 'diff-mark', { 'aria-hidden': 'true' }, sign), text('span', 'visually-hidden', `${word}: `), text('span', 'diff-label', label), text('span', 'diff-value', value));
    })),
  ]);
}

function version(o, v, lang) {
  const by = v.approved.map((a) => a.name), made = v.request ? [v.sentence, v.sentence && '. '] : ['The vault began with it. '];
  return el('li', 'event is-positive', { key: v.version }, text('div', 'event-time', text('strong', '', `Version ${v.version} `), moment(v.at, lang)),
    text('div', 'event-body', made, by.length > 0 && text('span', '', `Approved by ${list(by)}. `), v.request && link('link', `/requests/${v.request}`, 'Show the request'), text('span', 'small muted', ` Log entry ${v.seq}`)));
}
