// node --test wasm/js: a tab acts for one of the entities that its person may act for.
import assert from 'node:assert/strict';
import test from 'node:test';
import { acting, change } from './entity.js';

const storage = () => {
  const values = new Map();
  return { getItem: (k) => values.get(k) ?? null, setItem: (k, v) => values.set(k, v) };
};
let went;
const tab = (shared = storage()) => {
  Object.defineProperty(globalThis, 'localStorage', { value: shared, configurable: true });
  Object.defineProperty(globalThis, 'sessionStorage', { value: storage(), configurable: true });
  globalThis.location = { assign: (to) => { went = to; }, reload: () => { went = 'again'; } };
  return shared;
};
const entities = [{ id: 'ent_a', name: 'A' }, { id: 'ent_b', name: 'B' }];

test('the first entity is acted for at the start', () => {
  tab();
  assert.deepEqual(acting({ token_url: '/t', entities }), { token_url: '/t?entity=ent_a', entities, entity: 'ent_a' });
  assert.equal(acting({ token_url: '/t?s=1', entities }).token_url, '/t?s=1&entity=ent_a');
});

test('who may act for one entity is offered no choice', () => {
  tab();
  for (const config of [{ token_url: '/t' }, { token_url: '/t', entities: entities.slice(0, 1) }]) assert.equal(acting(config), config);
});

test('a tab keeps its entity when another tab changes to another', () => {
  const shared = tab();
  change('ent_b', true);
  assert.equal(went, '/');
  const first = globalThis.sessionStorage;
  tab(shared);
  assert.equal(acting({ token_url: '/t', entities }).entity, 'ent_b'); // a new tab: what was chosen last
  change('ent_a', false);
  assert.equal(went, 'again');
  Object.defineProperty(globalThis, 'sessionStorage', { value: first, configurable: true });
  assert.equal(acting({ token_url: '/t', entities }).entity, 'ent_b');
});

test('an entity that the person may act for no longer is not asked for', () => {
  tab();
  change('ent_gone', true);
  assert.equal(acting({ token_url: '/t', entities }).entity, 'ent_a');
});
