// node --test wasm/js: the derived palettes can be read, whatever comes in.
import assert from 'node:assert/strict';
import test from 'node:test';
import { contrast, css, DEFAULT, derive, PAIRS, themeProblem } from './theme.js';
import { readFileSync } from 'node:fs';

function check(theme) {
  const palettes = derive(theme);
  for (const scheme of ['light', 'dark']) {
    for (const [fg, bg, least] of PAIRS) {
      const got = contrast(palettes[scheme][fg], palettes[scheme][bg]);
      assert.ok(got >= least, `${JSON.stringify(theme)} ${scheme}: ${fg} on ${bg} is ${got.toFixed(2)}, not ${least}`);
    }
  }
}

test('the default theme keeps the colours it was given', () => {
  check(DEFAULT);
  const { light } = derive(DEFAULT);
  assert.equal(light.primary, '#511320');
  assert.equal(light.text, '#511320');
  assert.equal(light.surface, '#ffffff');
  assert.equal(light.muted, '#7d4955');
  assert.equal(light.negative, '#b22222');
});

test('every theme of a wide walk is readable', () => {
  const steps = ['00', '55', 'aa', 'ff'];
  const colours = steps.flatMap((r) => steps.flatMap((g) => steps.map((b) => `#${r}${g}${b}`)));
  for (const [i, colour] of colours.entries()) {
    check({ primary: colour, accent: colour });
    check({ background: colour });
    check({ text: colour, secondary: colour });
    check({ negative: colour, background: colours[(i * 7) % 64] });
    check({ primary: colour, accent: colours[(i * 5) % 64], background: colours[(i * 11) % 64], text: colours[(i * 13) % 64], secondary: colours[(i * 17) % 64] });
  }
});

test('what is not a colour falls back to the default', () => {
  for (const bad of ['red', '#12', 'url(x)', '#GGGGGG', '', 7, null, { hex: '#1' }]) {
    assert.deepEqual(derive({ primary: bad }), derive(DEFAULT));
  }
  assert.deepEqual(derive({ primary: { hex: '#036' } }), derive({ primary: '#003366' }));
});

test('both shapes of a theme are taken, and others are refused by the name of what is wrong', () => {
  const nested = { colors: { primary: { hex: '#003366' }, secondary: '#7D4955', error: '#8B0000', warning: { hex: '#aa7700' }, surface: '#eeeeee', text: { primary: '#111111', disabled: '#999999' } }, typography: {}, spacing: {} };
  assert.deepEqual(derive(nested), derive({ primary: '#003366', secondary: '#7D4955', negative: '#8B0000', text: '#111111' }));
  check(nested);
  for (const good of [{}, DEFAULT, nested, { primary: { hex: '#036' } }, { colors: {} }, { colors: { text: '#111111' } }]) assert.equal(themeProblem(good), undefined, JSON.stringify(good));
  for (const [theme, field] of [['red', 'theme'], [[], 'theme'], [{ primary: 'red' }, 'theme.primary'], [{ error: '#b22222' }, 'theme.error'], [{ colours: {} }, 'theme.colours'], [{ colors: 'red' }, 'theme.colors'],
    [{ colors: { negative: '#b22222' } }, 'theme.negative'], [{ colors: { error: { hex: '#1' } } }, 'theme.negative'], [{ colors: {}, primary: '#003366' }, 'theme.primary'], [{ text: 7 }, 'theme.text']]) {
    const wrong = themeProblem(theme);
    assert.equal(wrong?.field, field, JSON.stringify(theme));
    assert.ok(wrong.message && wrong.remedy);
  }
});

test('app.css holds the derived default palette', () => {
  const sheet = readFileSync(new URL('../../web/dashboard/static/app.css', import.meta.url), 'utf8');
  assert.ok(sheet.includes(css()), `put this into app.css:\n${css()}`);
});
