// node --test wasm/js: what the page makes of a message that somebody pastes, and of its signature.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { register } from 'node:module';
import test from 'node:test';

// wasm_exec.js is generated; nothing here starts a module.
register(`data:text/javascript,${encodeURIComponent(`export const resolve = (name, context, next) => name === './wasm_exec.js'
  ? { url: 'data:text/javascript,export const Go = undefined, run = undefined', shortCircuit: true } : next(name, context);`)}`);
const { edited } = await import('./draft.js');
const { formAt } = await import('./forms.js');
const { purchaseOf } = await import('./shapes.js');
const { saidOf, sendingPicture } = await import('./sendingview.js');
const { shown, typedOf } = await import('./typed.js');

const read = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url)));
const { vault } = read('../../web/dashboard/gallery/page/vault.json');
const vectors = read('../../shared/spec/vectors/typed-data.json');

const begun = (...actions) => {
  const form = formAt('sign_acc_treasury'), draft = actions.reduce((d, [action, value]) => edited(d, action, value), form.begin('sign_acc_treasury', vault).draft);
  return { intent: () => form.intent(draft), wrong: () => form.check(draft).map((e) => e.field), draft, form };
};

test('typed data that the vault takes is asked for with every digit', () => {
  for (const { name, typed, form, field } of vectors) {
    const { data, wrong } = typedOf(typed);
    if (form === undefined) continue;
    assert.equal(wrong, undefined, `${name} ${field}`);
    const back = JSON.parse(JSON.stringify(data)), want = JSON.parse(form);
    assert.equal(back.primaryType, want.primaryType, name);
    const digits = (v) => (Array.isArray(v) ? v.map(digits) : typeof v === 'object' ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)).map(([n, x]) => [n, digits(x)])) : String(v).toLowerCase().replace(/^0x1$/, '1'));
    assert.deepEqual([digits(back.message), digits(back.domain)], [digits(want.message), digits(want.domain)], name);
  }
  assert.match(JSON.stringify(typedOf(vectors.find((v) => v.name.includes('as a number of JSON')).typed).data), /"9007199254740993"/);
});

test('what two programs could read differently is refused before the vault is asked', () => {
  for (const name of ['a name twice', 'a name twice, once with an escape', 'cut off', 'not an object', 'no message']) assert.ok(typedOf(vectors.find((v) => v.name === name).typed).wrong, name);
  const of = (message) => typedOf(`{"types":{},"primaryType":"T","domain":{},"message":${message}}`).wrong;
  assert.match(of('{"a":1,}'), /A name is missing, at character \d+\./);
  assert.match(of('{"a" 1}'), /A colon is missing/);
  assert.match(of('{"a":01}'), /A comma is missing/);
  assert.match(of('{"a":1} 2'), /A comma is missing/);
  assert.match(of('{"a":"\n"}'), /It is not JSON/);
  assert.match(of('{"\u202ea":1,"\u202ea":2}'), /The name "\\u202ea" is there twice/);
  assert.match(of(`${'['.repeat(20)}${']'.repeat(20)}`), /nested too deeply/);
  assert.match(typedOf('x'.repeat(20_000)).wrong, /at most 16384/);
  assert.equal(of('{"__proto__":1,"constructor":2}'), undefined);
  assert.deepEqual(Object.keys(typedOf('{"types":{},"primaryType":"T","domain":{},"message":{"__proto__":1}}').data.message), ['__proto__']);
});

test('the preview has the domain first, each type, and no character that nobody sees', () => {
  const { lines } = typedOf('{"types":{"EIP712Domain":[{"name":"name","type":"string"}],"T":[{"name":"l","type":"P[]"}],"P":[{"name":"x","type":"uint8"}]},"primaryType":"T","domain":{"name":"a\u202eb"},"message":{"l":[{"x":7}]}}');
  assert.deepEqual(lines, [['domain.name', 'string', '"a\\u202eb"'], ['message.l', 'P[]', '1 element'], ['message.l[0]', 'P', ''], ['message.l[0].x', 'uint8', '7']]);
  assert.equal(shown('a\u200b\n"'), '"a\\u200b\\n\\""');
});

test('a message is asked for in the form of its schema', () => {
  const typed = begun(['set:typed', vectors[0].typed], ['set:purpose', ' Why ']).intent();
  assert.deepEqual(Object.keys(typed), ['kind', 'v', 'account', 'account_name', 'chain', 'address', 'typed_data', 'purpose']);
  assert.equal(JSON.stringify(begun(['set:form', 'text'], ['set:text', ' a\nb ']).intent()), '{"kind":"message","v":1,"account":"acc_treasury","account_name":"","chain":"","address":"","text":" a\\nb "}');
  assert.equal(begun(['set:form', 'hex'], ['set:hex', ' 0xFF00 ']).intent().hex, '0xff00');
});

test('what is missing in a message is named, and a refusal of the vault is at its field', () => {
  assert.deepEqual([begun().wrong(), begun(['set:typed', '{']).wrong(), begun(['set:form', 'text']).wrong(), begun(['set:form', 'hex'], ['set:hex', '0xf']).wrong()], [['typed'], ['typed'], ['text'], ['hex']]);
  assert.deepEqual(begun(['set:form', 'text'], ['set:text', 'a\u2028b']).wrong(), ['text']);
  const { form, draft } = begun();
  assert.deepEqual(['typed_data.message.a', 'hex', '', 'purpose'].map((at) => form.placed(at, draft)), ['typed', 'hex', 'typed', 'purpose']);
});

test('a signature is shown to be copied, and why there is none', () => {
  const of = (signature) => JSON.stringify(sendingPicture({ vault: {}, request: { value: { intent: { kind: 'message' }, signature: { address: '0x52908400098527886E0F7030069857D2E4169EE7', digest: 'qnRLospXbsYsoAReygCtORf99_-jT7uuUIKKWmnBWA4', ...signature } } } }));
  assert.match(of({ state: 'signed', signature: '0x2c1b', signed_at: '2026-11-20T21:06:00Z' }), /"copy":"0x2c1b".*0xaa744ba2ca576ec62ca0045eca00ad3917fdf7ffa34fbbae50828a5a69c1580e/);
  assert.match(of({ state: 'approved', reason: 'it waits' }), /About to be signed.*Why it is not further.*It waits\./);
  assert.match(of({ state: 'lapsed', reason: 'too late' }), /Nothing was signed.*Too late\./);
  assert.equal(saidOf({ signature: { state: 'signed' } }), 'Signed.');
  const r = (state, signature) => purchaseOf({ id: 'req_a', state, sentence: '', needed: 2, approved: 2, approvers: [], expires_at: '', intent: { kind: 'message', account: 'acc_a' }, signature });
  assert.deepEqual([r('approved').state, r('completed', { state: 'signed', address: '0x1', digest: 'AA', signature: '0x2', signed_at: 'now' }).signature], ['sending', { state: 'signed', address: '0x1', digest: 'AA', signature: '0x2', signedAt: 'now' }]);
});
