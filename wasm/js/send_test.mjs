// node --test wasm/js: what somebody fills in to send something, what became of it, and the code of an address.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { register } from 'node:module';
import test from 'node:test';

// wasm_exec.js is generated; nothing here starts a module.
register(`data:text/javascript,${encodeURIComponent(`export const resolve = (name, context, next) => name === './wasm_exec.js'
  ? { url: 'data:text/javascript,export const Go = undefined, run = undefined', shortCircuit: true } : next(name, context);`)}`);
const { compare, decimal, minus, plus } = await import('./decimal.js');
const { certain, number, readings, regrouped, typedAmount } = await import('./numbers.js');
const { qr } = await import('./qr.js');
const { book, called, isSecret, known, recipientProblem } = await import('./recipient.js');
const { receivePicture } = await import('./receivepart.js');
const { after, amountOf, check, dust, empty, intentOf, most, placed, settled } = await import('./sendform.js');
const { feeOf, sendingPicture, stepsOf } = await import('./sendingview.js');
const { sendPicture } = await import('./sendview.js');
const { costOf, purchaseOf, transferInput } = await import('./shapes.js');
const { intent } = await import('./transfer.js');

const { vault } = JSON.parse(readFileSync(new URL('../../web/dashboard/gallery/page/vault.json', import.meta.url)));
const words = (node) => (typeof node === 'string' ? node : Array.isArray(node) ? (node[2] ?? []).map(words).join(' ') : '').replace(/[ \n\u00a0]+/g, ' ');
const PAYEE = '0x52908400098527886E0F7030069857D2E4169EE7', ACME = '0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf';
const cost = (more) => ({ asset: 'ethereum', available: '1.2', coin: 'ethereum', spare: '1.2', speeds: [{ name: 'slow', max_fee: '0.00004' }, { name: 'normal', max_fee: '0.00007' }, { name: 'fast', max_fee: '0.00013' }], contract: false, ...more });
const token = cost({ asset: 'ethereum/erc20/usd__coin', available: '500.25', spare: '0.00005' });
const draft = (more) => ({ ...settled(empty(), vault), to: PAYEE, amount: '0.5', ...more });
const wrong = (d, c = cost(), all = true) => Object.fromEntries(check(d, vault, c, all).map((e) => [e.field, e.message]));

test('amounts are exact', () => {
  assert.equal(plus('0.1', '0.2'), '0.3');
  assert.equal(minus('1', '0.000000000000000001'), '0.999999999999999999');
  assert.equal(minus('1', '2.5'), '-1.5');
  assert.equal(compare('10', '9.99'), 1);
  assert.equal(compare('1.50', '1.5'), 0);
  assert.equal(decimal(5n, 0), '5');
  assert.equal(decimal(42_000n, 18), '0.000000000000042');
});

const numbers = JSON.parse(readFileSync(new URL('testdata/numbers.json', import.meta.url)));

test('every screen reads and writes numbers alike', () => {
  for (const [typed, want] of numbers.typed) assert.deepEqual(readings(typed), want, typed);
  for (const [lang, , , plain, want] of numbers.written) assert.equal(number(plain, lang), want, `${plain} in ${lang}`);
  assert.equal(number('…', 'de'), '…');
  assert.equal(number('1250.5', 'no language'), '1\u202f250.5');
});

test('an amount that can be read in two ways is asked about', () => {
  for (const [typed, amount] of [['1.5', '1.5'], ['1,5', '1.5'], ['1 000.5', '1000.5'], ['007.10', '7.1'], ['1,234.567', '1234.567']]) assert.deepEqual(typedAmount(typed), { amount }, typed);
  for (const [typed, ...may] of [['1.000', '1000', '1'], ['12.500', '12500', '12.5'], ['1,125', '1125', '1.125']]) {
    assert.deepEqual(typedAmount(typed).may, may);
    assert.equal(wrong(draft({ amount: typed })).amount, 'Which of the two do you mean?');
    assert.equal(wrong(draft({ speed: 'own', fee: typed })).fee, 'Which of the two do you mean?');
    assert.equal(intentOf(draft({ amount: typed }), cost()), undefined, 'nothing is asked for');
    const shown = words(sendPicture({ vault: { value: vault }, draft: draft({ amount: typed }), errors: [], dry: {}, lang: 'de' }));
    for (const amount of may) assert.ok(shown.includes(`${number(amount, 'de')} ETH`), shown);
    for (const amount of may) for (const lang of ['en', 'de']) assert.equal(typedAmount(regrouped(certain(amount), lang)).amount, amount, 'what is chosen is not asked about again');
  }
  for (const typed of ['', 'x', '1e5', '-1', '0x10', '1.2.3', '9'.repeat(41)]) assert.ok(typedAmount(typed).wrong, typed);
});

test('a page in German writes amounts as German does, on every part of the form', () => {
  const s = { vault: { value: vault }, draft: draft({ amount: '0,5', speed: 'own', fee: '0,00007' }), cost: cost({ available: '1234.5' }), errors: [], dry: {}, lang: 'de' };
  const shown = words(sendPicture(s));
  for (const said of ['1\u202f234,5', '0,5', '0,00007', '1\u202f233,99993']) assert.ok(shown.includes(said), `${said} in ${shown}`);
  assert.ok(!/\d\.\d/.test(shown), shown);
  assert.equal(check(draft({ amount: '2000' }), vault, s.cost, true, 'de').find((e) => e.field === 'amount').message, 'The account has 1\u202f234,5 ETH: with the fee, at most 1\u202f234,49993 can be sent');
});

test('of an address the page says what is wrong before anybody is asked', () => {
  const account = vault.accounts[0], of = (to) => recipientProblem(to, account, vault);
  assert.equal(of(PAYEE), undefined);
  assert.equal(of(ACME), undefined);
  for (const [to, says] of [
    ['', /Choose a name/], [ACME.slice(0, -1) + 'e', /a digit was changed/], [ACME.toLowerCase(), /without the check/], [ACME.slice(0, -1), /0x and 40 digits/], [ACME.slice(2), /begins with 0x/],
    ['vitalik.eth', /is a name, as of ENS/], ['pay.acme.xyz', /is a name/], [account.address, /of Treasury itself/], [`0x${'1'.repeat(64)}`, /private key/], ['1'.repeat(64), /private key/],
    ['bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4', /Bitcoin, and this account sends on Sandbox chain/], ['1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa', /Bitcoin/], ['TJRyWwFs9wTFGZg3JbrVriFbNfCug5tDeC', /Tron/],
    ['4Nd1mBQtrMJVYVfKf2PJy9NZUZdTAsp7D4xWLs4gDB4T', /Solana/], [`ethereum:${ACME}`, /address alone/], [`eip155:1:${ACME}`, /address alone/], [`${ACME} `.repeat(2).trim(), /no spaces/],
  ]) assert.match(of(to), says, to);
  assert.ok(isSecret(`0x${'a'.repeat(64)}`) && !isSecret(ACME));
});

test('the address book has the accounts and the whitelists of the chain, and names what it knows', () => {
  assert.deepEqual(book(vault, 'eip155:31337').map((e) => [e.list, e.name]), [['', 'Treasury'], ['', 'Trading'], ['Suppliers', 'Acme Industrial Supplies'], ['Trading wallet', 'Trading']]);
  assert.equal(called(known(vault, 'eip155:31337', ACME.toLowerCase())), 'Acme Industrial Supplies, in the whitelist Suppliers');
  assert.equal(called(known(vault, 'eip155:31337', vault.accounts[1].address)), 'the account Trading; Trading, in the whitelist Trading wallet');
  assert.equal(called(known(vault, 'eip155:1', ACME)), '');
  const gone = { ...vault, whitelists: vault.whitelists.map((l) => ({ ...l, gone: true })) };
  assert.deepEqual(book(gone, 'eip155:31337').map((e) => e.name), ['Treasury', 'Trading']);
});

test('all of it leaves the fee, and what is left is said to the last digit', () => {
  assert.equal(most(draft(), cost()), '1.19993');
  assert.equal(amountOf(draft({ all: true, speed: 'fast' }), cost()), '1.19987');
  assert.equal(amountOf(draft({ all: true, speed: 'own', fee: '2' }), cost()), '0');
  assert.equal(amountOf(draft({ all: true, speed: 'own', fee: '' }), cost()), undefined);
  assert.deepEqual(after(draft({ all: true }), cost()), { asset: '0' });
  assert.deepEqual(after(draft(), cost()), { asset: '0.69993' });
  assert.equal(after(draft(), undefined), undefined);
  const usd = draft({ asset: token.asset, amount: '500.25' });
  assert.equal(most(usd, token), '500.25');
  assert.deepEqual(after(usd, token), { asset: '0', coin: '-0.00002' });
  assert.deepEqual(after({ ...usd, speed: 'slow' }, token), { asset: '0', coin: '0.00001' });
  assert.equal(most(draft(), token), undefined, 'what was answered about another asset says nothing');
});

test('what is wrong is said of the field that it is about', () => {
  assert.deepEqual(wrong(draft()), {});
  assert.deepEqual(Object.keys(wrong(draft({ to: '', amount: '' }))), ['to', 'amount']);
  assert.deepEqual(wrong(draft({ to: '', amount: '' }), cost(), false), {}, 'nothing is said of what is not filled in yet');
  assert.deepEqual(wrong(draft({ to: '0x52' }), cost(), false), {}, 'nor of what is being typed');
  assert.match(wrong(draft({ amount: '0.0' })).amount, /zero/);
  assert.match(wrong(draft({ amount: `0.${'0'.repeat(18)}1` })).amount, /ETH has 18 decimals/);
  assert.match(wrong(draft({ amount: '1.2' })).amount, /has 1.2 ETH: with the fee, at most 1.19993 can be sent/);
  assert.match(wrong(draft(), cost({ available: '0.00001', spare: '0.00001' })).amount, /does not pay the fee/);
  assert.deepEqual(Object.keys(wrong(draft({ to: 'x', amount: '9', speed: 'own', fee: 'x' }))), ['to', 'fee', 'amount'], 'all of it at once');
  assert.match(wrong(draft({ all: true, speed: 'own', fee: '5' })).amount, /Nothing is left/);
  assert.match(wrong(draft({ speed: 'own', fee: 'much' })).fee, /in digits, for example/);
  assert.match(wrong(draft({ asset: token.asset, amount: '1', account: 'acc_treasury' }), token).fee, /has 0.00005 ETH for fees/);
  assert.ok(dust(draft({ amount: '0.00003' }), cost()) && !dust(draft(), cost()) && !dust(draft({ amount: '0' }), cost()));
});

test('a refusal of the gateway stands at the field that it names, in plain words', () => {
  assert.deepEqual(placed({ field: 'to.address', message: 'the intent is not valid: to.address is the account\'s own' }), { field: 'to', message: 'It is the account\'s own' });
  assert.deepEqual(placed({ field: 'max_fee.amount', message: 'the maximum fee is below what the chain takes now' }), { field: 'fee', message: 'The maximum fee is below what the chain takes now' });
  assert.equal(placed({ message: 'the node does not answer' }), undefined);
  assert.equal(placed({ field: 'rules.0', message: 'x' }), undefined);
});

test('what is asked for is a transfer, its fields in the order of its kind', () => {
  assert.equal(JSON.stringify(intentOf(draft({ purpose: ' Invoice ', reference: ' ' }), cost())),
    `{"kind":"transfer","v":1,"account":"acc_treasury","account_name":"","crypto":{"amount":"0.5","asset":"ethereum"},"chain":"","to":{"address":"${PAYEE}"},"max_fee":{"amount":"0.00007","asset":"ethereum"},"purpose":"Invoice"}`);
  assert.equal(intentOf(draft({ amount: 'x' }), cost()), undefined);
  const input = { account: 'acc_a', asset: 'ethereum', amount: '1.5', to: PAYEE, maxFee: { amount: '0.1', asset: 'ethereum' } };
  assert.equal(JSON.stringify(intent(transferInput(input))), JSON.stringify(intent({ account: 'acc_a', asset: 'ethereum', amount: '1.5', to: PAYEE, fee: '0.1', coin: 'ethereum' })));
  for (const [field, more] of [['amount', { amount: 1.5 }], ['amount', { amount: '1,5' }], ['to', { to: '' }], ['maxFee.amount', { maxFee: { asset: 'ethereum' } }], ['maxFee.asset', { maxFee: undefined }]]) {
    assert.throws(() => transferInput({ ...input, ...more }), (e) => e.field === field || field === 'maxFee.asset' && e.code === 'PROP_INVALID', field);
  }
  assert.deepEqual(costOf(cost()).speeds, { slow: '0.00004', normal: '0.00007', fast: '0.00013' });
});

const attempt = (cap, hash) => ({ nonce: 7, fees: { gas: 21000, max_fee_per_gas: cap, max_priority_fee_per_gas: '1' }, hash, signed_at: '2026-11-20T21:06:00Z' });
const sending = (state, more) => ({ state, attempts: [attempt('2000000000', '0x01')], confirmations: 0, needed: 12, ...more });

test('how far a transaction is shows in its steps', () => {
  const states = (s) => stepsOf(s).map((x) => x.state || '-').join(' ');
  assert.equal(states(sending('approved')), 'current - - -');
  assert.equal(states(sending('signed')), 'done current - -');
  assert.equal(states(sending('submitted')), 'done done current -');
  assert.equal(states(sending('included', { block: 1203, confirmations: 2 })), 'done done done current');
  assert.equal(states(sending('confirmed', { block: 1203, confirmations: 14 })), 'done done done done');
  assert.equal(states(sending('failed', { block: 1203, confirmations: 14 })), 'done done done failed');
  assert.equal(states(sending('lapsed', { attempts: [] })), 'failed - - -');
  assert.equal(states(sending('replaced')), 'done done failed -');
  assert.equal(states(sending('replaced', { attempts: [] })), 'failed - - -');
  assert.equal(stepsOf(sending('confirmed', { block: 1203, confirmations: 14 }))[3].said, '12 of 12 blocks');
  assert.equal(feeOf(attempt('2000000000'), {}), '0.000042');
  assert.equal(feeOf(attempt('123456789012345678901234567890'), { places: 18 }), '2592592569259259.25692592592569');
});

test('a transfer says to whom it goes, what became of it, and why it is not further', () => {
  const i = { kind: 'transfer', chain: 'eip155:31337', to: { address: ACME }, max_fee: { amount: '0.00007', asset: 'ethereum' } }, shown = (s, more) => words(sendingPicture({ request: { value: { intent: { ...i, ...more }, sending: s } }, vault: { value: vault } }));
  assert.match(shown(), /Acme Industrial Supplies, in the whitelist Suppliers 0x 7E5F 4552/);
  assert.match(shown(undefined, { to: { address: PAYEE } }), /An address without a name : it is in no whitelist of the vault/);
  assert.doesNotMatch(shown(), /On the chain/);
  assert.match(shown(sending('approved', { reason: 'the vault’s signer does not answer' })), /about to sign it.*Why it is not further The vault’s signer does not answer\./);
  assert.match(shown(sending('included', { block: 1203, confirmations: 2, hash: '0x5c50', fee: '0.0000315' })), /2 of 12 blocks.*Transaction 0x5c50 Block 1\u202f203 Fee paid 0\.0000315 ETH of at most 0\.00007/);
  assert.match(shown(sending('failed', { reason: 'the chain did not carry it out' })), /Nothing was moved The chain did not carry it out\./);
  assert.match(shown(sending('replaced', { reason: 'it was cancelled', replaced_by: 'req_b' })), /Another transaction is in a block in its place.*Only one of them gets into a block It was cancelled\./);
  assert.doesNotMatch(shown(sending('submitted'), { action: 'CANCEL' }), /Recipient/);
  assert.match(shown(sending('lapsed', { attempts: [] })), /Nothing was sent The approval ended/);
  assert.match(shown(sending('submitted', { attempts: [attempt('2000000000', '0x01'), attempt('3000000000', '0x02')] })), /2 attempts, of which one gets into a block 1\. Fee at most 0\.000042 ETH 0x01 2\. Fee at most 0\.000063 ETH 0x02/);
  assert.match(words(sendingPicture({ request: { value: { intent: i } }, vault: {} })), /^ ?Recipient 0x 7E5F/, 'without the vault it is shown without names');
  assert.match(words(sendingPicture({ request: { error: { code: 'GATEWAY_UNREACHABLE', message: 'the gateway does not answer' } }, vault: {} })), /The gateway does not answer/);
});

test('the form shows what it costs, who is paid and what the vault says', () => {
  const s = (more) => ({ lang: 'en', vault: { value: vault }, draft: draft(), cost: cost(), dry: {}, errors: [], ...more }), shown = (more) => words(sendPicture(s(more)));
  assert.match(shown(), /Treasury has 1\.2 ETH You send 0\.5 ETH Fee at most 0\.00007 ETH Left, at least 0\.69993 ETH/);
  assert.match(shown({ draft: draft({ to: ACME }), cost: cost({ contract: true }) }), /The recipient is a contract Acme Industrial Supplies runs a program/);
  assert.match(shown({ cost: cost({ refused: 'the transfer would fail: paused' }) }), /It would fail now The transfer would fail: paused\./);
  assert.match(shown({ draft: draft({ to: ACME.toLowerCase() }), errors: [{ field: 'to', message: 'It is written without the check' }] }), /It is written without the check With its check it is 0x 7E5F/);
  assert.match(shown({ dry: { value: { decision: { state: 'DENIED', reasons: ['no rule allows this'] }, rules: [], windows: [], remaining: [] } } }), /The vault will refuse it : no rule allows it/);
  assert.match(shown({ dry: { error: { message: 'the account has less' } } }), /Who decides The account has less\./);
  assert.match(shown({ made: { id: 'req_a', sentence: 'Send 1' } }), /The members are asked Send 1 Show the request/);
  assert.match(words(sendPicture({ vault: { value: { ...vault, accounts: [] } } })), /no account to send from/);
});

test('a request of a transfer has what is sent and how far that is', () => {
  const r = (state, s) => purchaseOf({ id: 'req_a', state, intent: { kind: 'transfer', account: 'acc_treasury', crypto: { amount: '1.5', asset: 'ethereum' }, to: { address: ACME }, max_fee: { amount: '0.1', asset: 'ethereum' } }, approvers: [], sending: s });
  assert.equal(r('pending').state, 'decide');
  const p = r('approved', sending('included', { block: 0, confirmations: 1, hash: '0x01' }));
  assert.deepEqual([p.state, p.send.amount, p.to, p.sending.block, p.sending.attempts[0].fees.maxFeePerGas, 'reason' in p.sending], ['sending', '1.5', ACME, 0, '2000000000', false]);
  assert.deepEqual(['completed', 'failed', 'cancelled', 'lapsed'].map((state) => r(state).state), ['done', 'failed', 'cancelled', 'expired']);
});

test('an account receives at its address, and one that does not hold is not shown', () => {
  const at = { chain: 'eip155:31337', address: ACME, name: 'Sandbox chain' };
  assert.match(words(receivePicture(at)), /The check in its letters holds Only what is on Sandbox chain may be sent here/);
  assert.match(words(receivePicture({ ...at, address: ACME.slice(0, -1) + 'e' })), /Send nothing to this address/);
});

test('a code is that which another program makes of the same text (qrcode-generator 2.0.4)', () => {
  for (const [text, rows] of JSON.parse(readFileSync(new URL('./testdata/qr.json', import.meta.url)))) {
    assert.equal(qr(text).map((row) => BigInt(`0b${row.map(Number).join('')}`).toString(36)).join(' '), rows, text);
  }
  assert.throws(() => qr('a'.repeat(107)), RangeError);
});
