// A rule in sentences, in the words that the vault itself has for it (shared/ceremony/rule.go,
// which a test compares): the rule as it stands in shared/spec/governance.md, said. Pure.

import { span } from './drypart.js';
import { list, plural } from './nodes.js';
import { number } from './numbers.js';

/** KINDS are the requests that rules are for, in words. */
export const KINDS = { buy: 'purchases', transfer: 'transfers', replace: 'replacements of transfers', message: 'messages' };

const DAY = 86400, WEEK = 7 * DAY;

/** say says a rule: what it is for, what must happen step by step, and how long. called are names by the ids of members,
 *  groups, whitelists and accounts; lang is the language that numbers are written in. */
export function say(rule, called, lang) {
  const needs = [], { creation: c } = rule;
  if (c) needs.push(`one of ${list(who(c, called)) || '…'} signs first`);
  for (const step of rule.steps ?? []) needs.push(stepSaid(step, called));
  const lasts = rule.deny ? '' : `Open for ${span(rule.within || WEEK)}; an approval can be used for ${span(rule.use_within || DAY)}.`;
  const rate = rule.rate_within ? `An asset counts by its recorded value, at a rate of the last ${span(rule.rate_within)}.` : '';
  return { for: what(rule, called, lang), needs, lasts: [rate, lasts].filter(Boolean).join(' ') };
}

const nameOf = (called, id) => called.get(id) ?? id;
const who = ({ members = [], group }, called) => [...members.map((m) => nameOf(called, m)), ...(group ? [`the group ${nameOf(called, group)}`] : [])];

/** quorumsOf are the quorums of a step, of which one is enough. */
export const quorumsOf = (s) => (s.any?.length ? s.any : s.members?.length || s.group ? [{ quorum: s.quorum, members: s.members, group: s.group }] : []);

function stepSaid(s, called) {
  if (s.delay) return `${span(s.delay)} pass, in which whoever may approve a step can stop it`;
  const said = quorumsOf(s).map((q) => `${Number.isNaN(q.quorum) ? '…' : q.quorum ?? 0} of ${list(who(q, called)) || '…'}`).join(', or ') + (s.exclude_initiator ? ', but not who asked' : '');
  return s.reviewer ? `the program ${nameOf(called, s.reviewer) || '…'} approves${said && `, or leaves it to ${said}`}` : said;
}

/** kindsOf are the kinds that a rule's filters name; undefined where none does. */
export function kindsOf(rule) {
  const named = (rule.when ?? []).map((c) => c.filter?.kinds).filter((k) => k?.length > 0);
  return named.length > 0 ? named.reduce((a, b) => a.filter((k) => b.includes(k))) : undefined;
}

function what(rule, called, lang) {
  const named = kindsOf(rule), kinds = named ? Object.keys(KINDS).filter((k) => named.includes(k)) : ['buy'];
  const others = (named ?? []).filter((k) => !KINDS[k]).map((k) => `requests of the kind ${k}`);
  const all = !named && rule.deny ? 'all requests' : list([...kinds.map((k) => KINDS[k]), ...others]) || 'nothing';
  return all + (rule.when ?? []).map((c) => conditionSaid(c, called, lang)).join('');
}

const SAID = {
  amount: ({ currency, min, max }, _, lang) => (min && max ? `, of ${number(min, lang)} to ${number(max, lang)} ${currency}` : max ? `, of at most ${number(max, lang)} ${currency}` : `, of at least ${number(min ?? '…', lang)} ${currency}`),
  whitelist: ({ whitelist, providers = [] }, called) => (whitelist ? `, to an address in ${nameOf(called, whitelist)}` : '') + (providers.length > 0 ? `, from ${list(providers, 'or')}` : ''),
  recipient: ({ children, accounts = [] }, called) => `, to ${list([...(children ? ['an account that this one funds'] : []), ...accounts.map((a) => `the account ${nameOf(called, a)}`)], 'or')}`,
  window: ({ days = [], from, to, zone, business }) => `${business ? ', on business days' : ''}${days.length > 0 ? `, on ${list(days, 'or')}` : ''}, from ${from} to ${to} ${zone || 'UTC'}`,
  filter: ({ assets = [] }) => (assets.length > 0 ? `, in ${list(assets, 'or')}` : ''),
  velocity: ({ currency, seconds, max, count }, _, lang) => (max ? `, while the account spends at most ${number(max, lang)} ${currency} in ${span(seconds)}` : '') + (count ? `, while the account has at most ${plural(count, 'requests', 'requests')} in ${span(seconds)}` : ''),
};

function conditionSaid(c, called, lang) {
  const [kind] = Object.keys(c);
  return SAID[kind]?.(c[kind], called, lang) ?? ` And: ${JSON.stringify(c)}.`;
}

/** calledIn are the names of a vault by ids. */
export function calledIn({ members, groups, whitelists, accounts }) {
  return new Map([...members, ...groups, ...whitelists, ...accounts].map((o) => [o.id, o.name]));
}
