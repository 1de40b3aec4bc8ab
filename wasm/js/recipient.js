// To whom something may be sent: the vault's own accounts and the entries of its whitelists, by name, and
// what is wrong with an address that somebody pasted. Pure.

import { addressProblem, unchecked } from './eip55.js';

const same = (a, b) => a.toLowerCase() === b.toLowerCase();

/** book is whom the vault has a name for on a chain: [{ name, list, address }]; list names the whitelist, '' for an account. */
export function book(vault, chain) {
  const own = vault.accounts.filter((a) => a.chain === chain).map((a) => ({ name: a.name, list: '', account: a.id, address: a.address }));
  const listed = vault.whitelists.filter((l) => !l.gone).flatMap((l) => l.entries.filter((e) => e.chain === chain).map((e) => ({ name: e.label, list: l.name, address: e.address })));
  return [...own, ...listed];
}

/** known is what the vault calls an address: the account first, then each whitelist that has it. */
export const known = (vault, chain, address) => book(vault, chain).filter((e) => same(e.address, address));

/** called says it in words: "the account Trading", "Acme, in the whitelist Suppliers"; '' for an address without a name. */
export const called = (entries) => entries.map(({ name, list }) => (list ? `${name}, in the whitelist ${list}` : `the account ${name}`)).join('; ');

// What an address that is not one of the chain looks like.
const OTHERS = [
  [/^0x[0-9a-f]{64}$|^[0-9a-f]{64}$/i, () => 'It has 64 digits: that is the hash of a transaction, or a private key, and no address. If it is a key, whoever sees it can take what it holds'],
  [/^[0-9a-f]{40}$/i, () => 'An address of this chain begins with 0x'],
  [/^(bc|tb|bcrt)1[02-9ac-hj-np-z]{20,}$/i, (chain) => `That is an address of Bitcoin, and this account sends on ${chain}`],
  [/^[123mn][1-9A-HJ-NP-Za-km-z]{25,34}$/, (chain) => `That looks like an address of Bitcoin, and this account sends on ${chain}`],
  [/^T[1-9A-HJ-NP-Za-km-z]{33}$/, (chain) => `That looks like an address of Tron, and this account sends on ${chain}`],
  [/^[1-9A-HJ-NP-Za-km-z]{32,44}$/, (chain) => `That looks like an address of another chain, such as Solana, and this account sends on ${chain}`],
];

/** recipientProblem says why an address cannot receive from an account, and undefined when nothing shows. */
export function recipientProblem(typed, account, vault) {
  const chain = vault.chains.find((c) => c.id === account.chain)?.name ?? account.chain;
  if (typed === '') return 'Choose a name, or paste an address';
  if (/^eip155:\d+:/.test(typed) || /^ethereum:/i.test(typed)) return 'Paste the address alone, from 0x on';
  if (/^[^\s/]+\.[a-z]{2,}$/i.test(typed)) return 'That is a name, as of ENS. Whoever holds a name can point it elsewhere between now and the signature, so only addresses are taken. Ask for the address';
  if (/\s/.test(typed)) return 'An address has no spaces';
  if (!account.chain.startsWith('eip155:')) return addressProblem(typed, account.chain);
  const other = OTHERS.find(([is]) => is.test(typed));
  if (other) return other[1](chain);
  if (unchecked(typed)) return 'It is written without the check in the case of its letters, which would show a changed digit';
  const problem = addressProblem(typed, account.chain);
  if (problem) return problem;
  return same(typed, account.address) ? `That is the address of ${account.name} itself` : undefined;
}

/** isSecret reports whether a text may be a private key, which a page must not keep. */
export const isSecret = (typed) => /^(0x)?[0-9a-f]{64}$/i.test(typed.trim());
