// node --test wasm/js: what the loader says about programs on this computer, in
// the browsers of today. The real thing is tested in softhsm/e2e with Chromium.
import assert from 'node:assert/strict';
import test from 'node:test';
import { loopback } from './loopback.js';

// database is as much of IndexedDB as store.js uses.
const values = new Map();
const later = (o, result) => { setTimeout(() => { o.result = result; o.onsuccess?.(); }); return o; };
globalThis.indexedDB = {
  open: () => later({}, {
    close() {},
    transaction() {
      const t = {};
      const done = (result) => { setTimeout(() => t.oncomplete()); return { result }; };
      t.objectStore = () => ({ get: (k) => done(values.get(k)), put: (v, k) => done(values.set(k, v)) });
      return t;
    },
  }),
};

const CHROME = { vendor: 'Google Inc.', userAgent: 'Chrome/156.0.0.0' };
const FIREFOX = { vendor: '', userAgent: 'Mozilla/5.0 (X11; rv:154.0) Gecko/20100101 Firefox/154.0' };
const SAFARI = { vendor: 'Apple Computer, Inc.', userAgent: 'Version/19.0 Safari/605.1.15' };

// visit makes this process a page in a browser. states are the permission's, by
// name; a name that is not there is one that the browser does not know.
function visit({ browser = CHROME, url = 'https://app.example/', states = {}, allowed } = {}) {
  const { hostname, protocol } = new URL(url);
  const queried = [];
  const permissions = { async query({ name }) {
    queried.push(name);
    if (!(name in states)) throw new TypeError('not a valid value for enumeration PermissionName');
    return { state: states[name] };
  } };
  Object.defineProperty(globalThis, 'navigator', { configurable: true, value: { ...browser, permissions } });
  globalThis.location = { hostname, protocol };
  globalThis.document = new EventTarget();
  if (allowed !== undefined) document.featurePolicy = { features: () => ['loopback-network'], allowsFeature: () => allowed };
  values.clear();
  return queried;
}

const both = (state) => ({ 'loopback-network': state, 'local-network-access': state });
for (const [what, want, page] of [
  ['Chrome that was allowed', 'granted', { states: both('granted'), allowed: true }],
  ['Chrome that would ask', 'prompt', { states: both('prompt') }],
  ['Chrome before 145', 'prompt', { states: { 'local-network-access': 'prompt' } }],
  ['Chrome before 142, which asks nobody', 'unknown', {}],
  ['Chrome that says no although nobody was asked', 'blocked', { states: both('denied') }],
  ['a frame that was not given the permission', 'blocked', { states: both('granted'), allowed: false }],
  ['Firefox that can be queried', 'granted', { browser: FIREFOX, states: { 'loopback-network': 'granted' } }],
  ['Firefox that asks and does not tell', 'prompt', { browser: FIREFOX }],
  ['Firefox before it asked', 'unknown', { browser: { ...FIREFOX, userAgent: 'Gecko/20100101 Firefox/140.0' } }],
  ['Safari on a page of the web', 'unsupported', { browser: SAFARI }],
  ['Safari on a page of this computer', 'granted', { browser: SAFARI, url: 'http://127.0.0.1:8080/' }],
  ['a page of this computer, whose permission never leaves "prompt"', 'granted', { states: both('prompt'), url: 'http://localhost:8080/' }],
  ['a page of this computer by IPv6', 'granted', { states: both('prompt'), url: 'http://[::1]:8080/' }],
  ['a page that only looks like one', 'prompt', { states: both('prompt'), url: 'https://127.0.0.1.example.com/' }],
]) {
  test(`permission: ${what} is ${want}`, async () => {
    visit(page);
    assert.equal(await loopback.permission(), want);
  });
}

test('permission: a no of the person is not a policy', async () => {
  const states = both('prompt');
  visit({ states });
  assert.equal(await loopback.permission(), 'prompt');
  Object.assign(states, both('denied'));
  assert.equal(await loopback.permission(), 'denied');
});

test('permission: only what exists is queried', async () => {
  assert.deepEqual(await (async (q) => { await loopback.permission(); return q; })(visit({ states: both('granted') })), ['loopback-network']);
});

const said = (text) => ({ body: new Blob([text]).stream() });
const never = new AbortController().signal;
for (const [what, want, answers, states] of [
  ['a bridge', 'countersign.v1', [said('{"protocol":"countersign.v1"}\n')]],
  ['a later bridge', 'countersign.v2', [said('{"protocol":"countersign.v2","more":1}')]],
  ['a page of HTML', 'other', [said('<!doctype html>It works!')]],
  ['JSON of another program', 'other', [said('{"protocol":"http"}')]],
  ['a list', 'other', [said('["countersign.v1"]')]],
  ['null', 'other', [said('null')]],
  ['a protocol that is no text', 'other', [said('{"protocol":["countersign.v1"]}')]],
  ['an answer without end', 'other', [said('x'.repeat(1 << 20))]],
  ['nothing', '', [new TypeError('Failed to fetch'), new TypeError('Failed to fetch')]],
  ['a program that no page may read', 'other', [new TypeError('Failed to fetch'), { type: 'opaque' }]],
  ['a question that was closed, which is not asked again', '', [new TypeError('Failed to fetch')], both('prompt')],
  ['a question that was answered with no', '', [new TypeError('Failed to fetch')], both('denied')],
]) {
  test(`health: ${what} is ${JSON.stringify(want)}`, async () => {
    visit({ states: states ?? both('granted') });
    const asked = [];
    globalThis.fetch = async (input, init) => {
      const url = String(input.url ?? input);
      asked.push(url);
      assert.equal((init ?? input).credentials, 'omit');
      const answer = answers[asked.length - 1];
      if (answer instanceof Error || !answer) throw answer ?? new Error('asked too often');
      return answer;
    };
    assert.equal(await loopback.health('ws://127.0.0.1:18427', never), want);
    assert.deepEqual([...new Set(asked)], ['http://127.0.0.1:18427/health']);
    assert.equal(asked.length, answers.length);
  });
}

test('health: what the page forbids itself is named', async () => {
  visit({ states: both('granted') });
  globalThis.fetch = async () => {
    setTimeout(() => document.dispatchEvent(Object.assign(new Event('securitypolicyviolation'), { blockedURI: 'http://127.0.0.1:18427/health' })));
    throw new TypeError('Failed to fetch');
  };
  assert.equal(await loopback.health('ws://127.0.0.1:18427', never), 'forbidden');
});
