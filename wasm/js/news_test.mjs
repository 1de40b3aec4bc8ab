// node --test wasm/js: who listens is told each piece of news once, and each step of a decision.
import assert from 'node:assert/strict';
import { register } from 'node:module';
import test from 'node:test';

// wasm_exec.js is generated; nothing here starts a core.
register(`data:text/javascript,${encodeURIComponent(`export const resolve = (name, context, next) => name === './wasm_exec.js'
  ? { url: 'data:text/javascript,export const Go = undefined, run = undefined', shortCircuit: true } : next(name, context);`)}`);
const { News } = await import('./news.js');
const { steps } = await import('./steps.js');

const request = (state, more = {}) => ({ id: 'req_a', state, step: 1, approved: 0, needed: 2, approvers: [], expires_at: 'late', ...more });
const order = (state) => ({ id: 'ord_a', request: 'req_a', state, promised: { asset: 'ethereum', amount: '1' }, ticket: { url: '/v1/redirect/x' } });

function listening() {
  const news = new News('https://gateway.example'), told = [];
  for (const type of ['requested', 'approved', 'rejected', 'ordered', 'delivered']) news.on(type, (e) => told.push([type, e.id, e.have ?? e.url]));
  return [news, told];
}

test('what the page itself did is told once, whichever comes first: its answer or the gateway', () => {
  for (const order of ['answer first', 'gateway first']) {
    const [news, told] = listening();
    const both = (type, wire) => {
      const does = [() => news.tell(type, wire), () => news.seen(wire, true)];
      for (const f of order === 'answer first' ? does : does.reverse()) f();
      news.seen(wire);
    };
    both('requested', request('pending'));
    both('approved', request('pending', { approved: 1 }));
    both('approved', request('approved', { approved: 2 }));
    assert.deepEqual(told, [['requested', 'req_a', 0], ['approved', 'req_a', 1], ['approved', 'req_a', 2]], order);
  }
});

test('a list that was read before the answer came takes no news away', () => {
  const [news, told] = listening();
  news.seen(request('pending'));
  assert.deepEqual(told, []);
  news.tell('requested', request('pending'));
  news.tell('requested', request('pending')); // the same key makes the same request
  assert.deepEqual(told, [['requested', 'req_a', 0]]);
});

test('what others did is told when it is seen, also by a look at the list', () => {
  const [news, told] = listening();
  news.seen(request('pending'));
  news.seen(request('pending', { approved: 1 }));
  news.seen(request('pending')); // an older answer that came late
  news.seen(request('pending', { approved: 1 }), true);
  news.seen(request('pending', { step: 2 }), true); // the first step has all of its approvals
  news.seen(request('rejected', { step: 2 }), true);
  assert.deepEqual(told.map(([type]) => type), ['approved', 'approved', 'rejected']);
});

test('what is sent to those who decide is not approved by that', () => {
  const [news, told] = listening();
  news.seen(request('pending_initiation', { step: 0 }));
  news.seen(request('pending'), true);
  assert.deepEqual(told, []);
});

test('an order is told when it is made and when it is delivered, without the address at which one pays once', () => {
  const [news, told] = listening();
  news.tell('ordered', order('created'));
  for (const state of ['redirected', 'processing', 'completed', 'completed']) news.seen(order(state), true);
  assert.deepEqual(told, [['ordered', 'ord_a', undefined], ['delivered', 'ord_a', undefined]]);
});

test('a listener that throws takes nothing from the others', (t) => {
  const before = globalThis.reportError, thrown = [], heard = [], news = new News('');
  t.after(() => { globalThis.reportError = before; });
  globalThis.reportError = (e) => thrown.push(e.message);
  news.on('requested', () => { throw new Error('of the page'); });
  const off = news.on('requested', (e) => heard.push(e.id));
  news.tell('requested', request('pending'));
  off();
  news.tell('requested', { ...request('pending'), id: 'req_b' });
  assert.deepEqual([thrown, heard], [['of the page', 'of the page'], ['req_a']]);
});

test('a step is told once, and a prompt together with its lines', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const told = [], way = steps((s) => told.push(s)), prompt = { step: 'on the bridge', until: 'soon' };
  for (const step of [{ step: 'connecting' }, { step: 'pairing', code: '123456' }, { step: 'pairing', code: '123456' }, undefined, { step: 'pin', again: false }, { step: 'pin', again: true, until: 'later' }, prompt, { step: 'on the bridge', lines: ['a'] },
    { step: 'signed' }, { step: 'signed' }, { step: 'verified', have: 1, of: 2 }]) way.take(step);
  t.mock.timers.tick(1000);
  assert.deepEqual(told, [{ step: 'connecting' }, { step: 'pairing', code: '123456' }, { step: 'pin', again: false }, { step: 'pin', again: true, until: 'later' }, { step: 'on the bridge', until: 'soon', lines: ['a'] },
    { step: 'signed' }, { step: 'verified', have: 1, of: 2 }]);
});

test('a prompt without lines is told a moment later, and nothing after the end', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const told = [], way = steps((s) => told.push(s.step)), prompt = { step: 'on the bridge', until: 'soon' };
  way.take(prompt);
  assert.deepEqual(told, []);
  t.mock.timers.tick(250);
  way.take({ step: 'on the bridge', have: 1, of: 2 });
  way.take(prompt);
  way.end();
  way.take({ step: 'signed' });
  t.mock.timers.tick(250);
  assert.deepEqual(told, ['on the bridge', 'on the bridge']);
});
