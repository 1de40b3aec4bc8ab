import assert from 'node:assert/strict';
import test from 'node:test';

import { Early } from './early.js';

test('what is done before the core comes reaches it in order, a field as it was left and a switch as often as it was pressed', () => {
  const early = new Early({ '/buy': { tree: [] }, '/orders': { tree: [] } }, { paint() {} });
  assert.equal(early.keep('buy.hold', ''), false); // nothing is shown yet
  assert.equal(early.show('/'), true);
  for (const [action, value] of [['buy.field:amount', '2'], ['buy.hold', ''], ['buy.field:amount', '25'], ['buy.hold', ''], ['buy.ask', '']]) assert.equal(early.keep(action, value), true);
  const got = [];
  early.hand((...one) => got.push(one));
  early.hand((...one) => got.push(one));
  assert.deepEqual(got, [['buy.hold', ''], ['buy.field:amount', '25'], ['buy.hold', ''], ['buy.ask', '']]);
});
