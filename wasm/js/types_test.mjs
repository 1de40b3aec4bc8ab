// node --test wasm/js: the types say what the painter and the loader do.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import test from 'node:test';

const read = (path) => readFileSync(new URL(path, import.meta.url), 'utf8');
const types = read('./port.d.ts');
const members = (name) => {
  const body = new RegExp(`interface ${name} \\{([\\s\\S]*?)\\n\\}`).exec(types)[1];
  return [...body.matchAll(/^ {2}(\w+)\??(?=[(:])/gm)].map((m) => m[1]).sort();
};

test('the loader lends what the types promise', () => {
  assert.match(read('./host.js'), /=> \(\{ post, token, fetch, link, store, loopback \}\)/);
  assert.deepEqual(members('Host'), ['fetch', 'link', 'loopback', 'post', 'store', 'token']);
});

test('the painter knows the special attributes of the types', () => {
  const special = /SPECIAL = words\('([^']*)'\)/.exec(read('./painter.js'))[1].split(' ');
  for (const name of special) assert.ok(members('Attrs').includes(name), `${name} is not in Attrs`);
});

test('the painter paints nothing that can hold or load script', () => {
  const painter = read('./painter.js');
  const list = (name) => new Set(new RegExp(`${name} = words\\(\`([\\s\\S]*?)\`\\)`).exec(painter)[1].trim().split(/\s+/));
  for (const tag of ['script', 'style', 'iframe', 'object', 'embed', 'img', 'link', 'base', 'meta', 'svg', 'template']) {
    assert.ok(!list('TAGS').has(tag), tag);
  }
  for (const attr of ['src', 'srcdoc', 'style', 'action', 'formaction', 'ping', 'background']) assert.ok(!list('ATTRS').has(attr), attr);
  for (const module of readdirSync(new URL('.', import.meta.url)).filter((f) => /^\w+\.js$/.test(f))) assert.doesNotMatch(read(`./${module}`), /innerHTML|outerHTML|insertAdjacentHTML|document\.write|new Function|eval\(/);
});
