// The page on which somebody sends something: the form, and beside it what it does and who decides.
// Pictures for the painter; sendpart.js keeps what is typed.

import { choice, field, idOf } from './controls.js';
import { whole } from './drypart.js';
import { checked, unchecked } from './eip55.js';
import { address, button, card, el, empty, fact, icon, link, loaded, notice, text, trouble, upper } from './nodes.js';
import { number } from './numbers.js';
import { book, called, known } from './recipient.js';
import { accountOf, after, amountOf, assetOf, assetsOf, chainOf, dust, feeOf, meant, most, SPEEDS } from './sendform.js';

/** sendPicture: s is what sendpart.js keeps. */
export function sendPicture(s) {
  if (s.made) return asked(s.made);
  return loaded(s.vault, 'again', (vault) => (vault.accounts.length === 0 ? empty('accounts', 'No accounts', 'The vault has no account to send from.') : page(s, vault)));
}

const asked = ({ id, sentence }) => el('div', '', { id: 'f-errors', tabindex: '-1', key: 'asked' },
  notice('is-positive', 'check', 'The members are asked', sentence ?? '', link('button is-small', `/requests/${id}`, 'Show the request'), button('is-small is-quiet', 's.more', 'Send something else')));

function page(s, vault) {
  const { draft, cost, busy, errors, failed, lang } = s, account = accountOf(vault, draft), f = { draft, errors, vault, account, cost, lang };
  return el('div', 'split', { key: 'work' },
    el('form', 'form split-main', { novalidate: true, on: { submit: 's.send' }, key: 'form', 'aria-label': 'Send' },
      failed && el('div', '', { key: 'failed', id: 'f-errors', tabindex: '-1' }, trouble(failed)),
      text('div', 'field-row',
        choice(f, 'account', 'From', vault.accounts.map((a) => [a.id, `${a.name} · ${chainOf(vault, a.chain)?.name ?? a.chain}`])),
        choice(f, 'asset', 'What', assetsOf(vault, account).map((a) => [a.id, `${a.name} (${a.ticker})`]))),
      recipient(f), amount(f), fee(f),
      text('div', 'field-row',
        field(f, 'purpose', 'What for', { hint: 'Approvers read it as your words. It may stay empty.', maxlength: '140' }),
        field(f, 'reference', 'Your reference', { hint: 'Such as an invoice’s number. It may stay empty.', maxlength: '140' })),
      text('div', 'form-foot stack',
        text('div', 'cluster', el('button', `button is-primary ${busy ? 'is-busy' : ''}`.trim(), { type: 'submit', 'aria-disabled': busy ? 'true' : undefined }, busy ? 'Asking' : 'Ask the approvers')),
        text('p', 'small muted', 'Nothing is sent yet: it becomes a request, which approvers read in their own bridge and sign.'))),
    text('div', 'split-side stack', effect(f, s), decides(s, vault, lang)));
}

const wrongAt = (f, path) => f.errors.find((e) => e.field === path)?.message;
const mistake = (f, path) => { const said = wrongAt(f, path); return said && el('p', 'field-error', { id: `${idOf(path)}-said`, key: 'wrong' }, icon('alert'), el('span', '', {}, said)); };
const tied = (f, path, hint) => ({ id: idOf(path), ...((wrongAt(f, path) || hint) && { 'aria-describedby': `${idOf(path)}-said` }), ...(wrongAt(f, path) && { 'aria-invalid': 'true' }) });
const hinted = (path, hint) => hint && el('p', 'field-hint', { id: `${idOf(path)}-said`, key: 'hint' }, hint);

// recipient is the address book, and a field for an address that is not in it.
function recipient(f) {
  const { draft, vault, account } = f, all = book(vault, account.chain).filter((e) => e.account !== account.id), typed = draft.to.trim();
  const groups = [...new Set(all.map((e) => e.list))].map((list) => el('optgroup', '', { label: list ? `Whitelist ${list}` : 'Accounts of this vault', key: list || 'accounts' }, all.filter((e) => e.list === list).map((e) => el('option', '', { value: e.address, key: e.address }, e.name))));
  const pick = all.length > 0 && el('div', 'field', { key: 'book' }, el('label', 'field-label', { for: idOf('book') }, 'To'),
    el('select', 'select', { id: idOf('book'), on: { change: 'set:book' }, prop: { value: draft.book } }, el('option', '', { value: '', key: '' }, 'An address that I paste'), groups));
  if (pick && draft.book) {
    return el('div', 'stack is-tight', { key: 'to' }, pick, text('div', 'sentence', text('p', 'small muted', `${upper(called(known(vault, account.chain, draft.book)))}:`), address(draft.book)), mistake(f, 'to'));
  }
  const good = typed && !wrongAt(f, 'to') && typed.length >= 42, whose = good ? called(known(vault, account.chain, typed)) : '';
  const hint = !good ? 'As whoever receives writes it: the case of its letters is a check' : whose ? `It is ${whose}` : 'The check in its letters holds. It is in no whitelist of this vault';
  return el('div', 'stack is-tight', { key: 'to' }, pick,
    el('div', 'field', { key: 'typed' }, el('label', 'field-label', { for: idOf('to') }, pick ? 'Address' : 'To address'),
      el('input', 'input', { type: 'text', autocomplete: 'off', spellcheck: 'false', autocapitalize: 'off', translate: 'no', ...tied(f, 'to', hint), on: { input: 'set:to' }, prop: { value: draft.to } }),
      mistake(f, 'to') ?? hinted('to', hint)),
    good && text('div', 'sentence', address(typed)),
    account.chain.startsWith('eip155:') && unchecked(typed) && text('div', 'sentence stack is-tight', text('p', 'small muted', 'With its check it is'), text('p', '', address(checked(typed.slice(2)))), button('is-small', 's.checked', 'Write it so')));
}

function amount(f) {
  const { draft, cost, vault, account, lang } = f, { ticker } = assetOf(vault, account.chain, draft.asset), all = most(draft, cost);
  const hint = cost?.asset === draft.asset ? `Available: ${number(cost.available, lang)} ${ticker}` : 'What the account has is being read';
  return el('div', 'field', { key: 'amount' }, el('label', 'field-label', { for: idOf('amount') }, 'Amount'),
    text('div', 'input-group is-hero', el('input', 'input', { type: 'text', inputmode: 'decimal', autocomplete: 'off', ...tied(f, 'amount', hint), on: { input: 'set:amount', change: 's.written:amount' }, prop: { value: draft.all ? number(all ?? '', lang) : draft.amount } }), text('span', 'input-unit', ticker)),
    mistake(f, 'amount') ?? hinted('amount', hint), !draft.all && ways(f, 'amount', ticker),
    text('div', 'chips', el('button', 'chip', { type: 'button', 'aria-pressed': String(draft.all), on: { click: 's.all' } }, 'All of it')));
}

// ways are the amounts that one press puts in the place of one that can mean two; of begins its action.
function ways({ draft, lang }, path, ticker, of = 's') {
  const all = meant(draft[path]);
  return all && el('div', 'chips', { key: 'ways', role: 'group', 'aria-label': 'What it may mean' }, all.map(({ value, amount }) => el('button', 'chip', { type: 'button', key: value, on: { click: `${of}.mean:${path}:${value}` } }, `${number(amount, lang)}\u00a0${ticker}`)));
}

const fee = (f) => feePicture(f, 's', assetOf(f.vault, f.account.chain, f.cost?.coin ?? f.draft.asset).ticker,
  f.draft.speed === 'own' ? 'With too little it is refused now, or waits until the chain takes less.' : 'A maximum is seldom used up. What is not taken stays in the account.');

/** feePicture asks for a maximum fee: one of three speeds, or another. f is { draft, errors, cost, lang }; of begins its actions; hint is said below. */
export function feePicture(f, of, ticker, hint) {
  const { draft, cost, lang } = f, said = mistake(f, 'fee') ?? hinted('fee', hint);
  const radio = (name, ...more) => el('label', 'check', { key: name }, el('input', '', { type: 'radio', name: 'speed', value: name, on: { change: `${of}.speed:${name}` }, prop: { checked: draft.speed === name } }), text('span', '', ...more));
  const costs = (name) => { const most = cost?.speeds.find((s) => s.name === name)?.max_fee; return most ? text('span', 'nowrap', `at most ${number(most, lang)} ${ticker}`) : 'not known yet'; };
  return el('fieldset', 'field', { key: 'fee' }, text('legend', 'field-label', 'Fee that the chain may take'),
    text('div', '', Object.entries(SPEEDS).map(([name, [word, when]]) => radio(name, text('strong', '', word), `, ${when}: `, costs(name))), radio('own', text('strong', '', 'Another maximum'))),
    draft.speed !== 'own' ? said : el('div', 'field', { key: 'own' }, el('label', 'visually-hidden', { for: idOf('fee') }, 'Maximum fee'),
      text('div', 'input-group', el('input', 'input', { type: 'text', inputmode: 'decimal', autocomplete: 'off', ...tied(f, 'fee', true), on: { input: 'set:fee', change: `${of}.written:fee` }, prop: { value: draft.fee } }), text('span', 'input-unit', ticker)),
      said, ways(f, 'fee', ticker, of)));
}

const sums = (lang) => (amount, ticker, cls = '') => el('span', `amount ${cls}`.trim(), { title: `${amount} ${ticker}` }, text('span', 'amount-value', number(amount, lang)), '\u00a0', text('span', 'amount-unit', ticker));

// effect is what it does to the account.
function effect(f, { costing, refusal }) {
  const { draft, cost, vault, account, lang } = f, sum = sums(lang);
  if (refusal) return trouble(refusal, 'again');
  if (!cost || cost.asset !== draft.asset) return card('What it does', '', text('div', 'stack is-tight', text('span', 'visually-hidden', 'Loading'), [1, 2, 3].map((key) => el('span', 'skeleton is-line', { key }))));
  const asset = assetOf(vault, account.chain, cost.asset), coin = assetOf(vault, account.chain, cost.coin), amount = amountOf(draft, cost), fee = feeOf(draft, cost), left = after(draft, cost);
  return card('What it does', '', text('div', 'stack',
    el('dl', left ? 'facts is-total' : 'facts', { 'aria-busy': costing ? 'true' : undefined },
      fact(`${account.name} has`, sum(cost.available, asset.ticker)), amount && fact('You send', sum(amount, asset.ticker)), fee && fact('Fee at most', sum(fee, coin.ticker)),
      left && fact('Left, at least', sum(left.asset, asset.ticker, left.asset.startsWith('-') ? 'is-negative' : '')),
      left?.coin && fact(`Left of ${coin.name}, at least`, sum(left.coin, coin.ticker, left.coin.startsWith('-') ? 'is-negative' : ''))),
    text('p', 'small muted', 'Without what other requests may still take.'),
    cost.contract && notice('is-warning', 'alert', 'The recipient is a contract', `${named(f)} runs a program. What is sent to one by mistake is often lost: ask its owner whether it takes ${asset.ticker}.`),
    dust(draft, cost) && notice('is-warning', 'alert', 'The fee may be more than the amount', `It sends ${number(amount, lang)} ${asset.ticker}, and up to ${number(fee, lang)} ${coin.ticker} go to the chain.`),
    cost.refused && notice('is-warning', 'alert', 'It would fail now', `${upper(cost.refused)}.`)));
}

const named = ({ draft, vault, account }) => known(vault, account.chain, draft.to.trim()).map((e) => e.name)[0] ?? 'This address';

/** decides is what the vault's rules say of it. */
export function decides({ dry, lang, errors }, vault) {
  const names = new Map(vault.members.map((m) => [m.id, m.name])), said = (...parts) => text('div', 'sentence stack is-tight', text('p', 'eyebrow', 'Who decides'), parts);
  if (dry.value) return el('div', '', { 'aria-busy': dry.busy ? 'true' : undefined, key: 'decides' }, whole(dry.value, names, lang));
  if (dry.error) return said(text('p', '', `${upper(dry.error.message)}.`));
  if (dry.busy) return said(text('span', 'visually-hidden', 'Loading'), [1, 2].map((key) => el('span', 'skeleton is-line', { key })));
  return said(text('p', 'muted', errors.length > 0 ? 'The vault is asked once what is marked is mended.' : 'The vault says so once it knows to whom, and how much.'));
}
