// node --test server.mjs: what the package does on a server.
import assert from 'node:assert/strict';
import test from 'node:test';
import { createElement as h } from 'react';
import { renderToString } from 'react-dom/server';
import { CountersignError, CountersignProvider, useApproval, useBridge, useCountersign, useQuotes, useRequest } from '@countersign/react';

const input = { pay: { amount: '250', currency: 'EUR' }, asset: 'ethereum', method: 'card', country: 'FR' };
const props = { apiUrl: 'https://gateway.example', entityId: 'ent_a', environment: 'sandbox', accessToken: { access_token: 'e.y.z', token_type: 'Bearer', expires_in: 900 } };

function States() {
  return h('p', null, [useCountersign(), useQuotes(input), useRequest('req_a'), useApproval('req_a'), useBridge()].map((v) => v.state).join(' '));
}

test('a server renders every hook as idle, and asks for nothing', () => {
  const before = globalThis.fetch;
  globalThis.fetch = () => assert.fail('the server asked for something');
  try {
    assert.equal(renderToString(h(CountersignProvider, props, h(States))).replace(/<\/?countersign-provider[^>]*>/g, ''), '<p>idle idle idle idle idle</p>');
  } finally { globalThis.fetch = before; }
});

for (const secret of ['developerSecret', 'apiKey', 'developer_secret', 'api_key']) {
  test(`${secret} as a prop is refused with what to do instead`, () => {
    assert.throws(() => renderToString(h(CountersignProvider, { ...props, [secret]: 'cs_test_0123456789abcdef' })), (e) => {
      assert.ok(e instanceof CountersignError);
      assert.equal(e.code, 'SECRET_IN_PAGE');
      assert.equal(e.field, secret);
      assert.match(e.remedy, /generate-token/);
      assert.doesNotMatch(e.message + e.remedy, /0123456789/);
      return true;
    });
  });
}

test('an API key in the place of a token is refused', () => {
  const accessToken = { access_token: 'cs_test_0123456789abcdef', token_type: 'Bearer', expires_in: 1 };
  assert.throws(() => renderToString(h(CountersignProvider, { ...props, accessToken })), { code: 'SECRET_IN_PAGE' });
});

test('a hook outside a provider says so', () => {
  assert.throws(() => renderToString(h(States)), { code: 'PROP_INVALID' });
});
