// Six colours of an embedder in, a complete light and dark palette out.
//
// Everything is derived in OKLCH, where equal steps look equal. A colour that
// was given is kept where it can be read and moved in lightness only, as little
// as possible, where it cannot. PAIRS lists what must be readable on what; the
// test walks many themes through it.

export const DEFAULT = {
  primary: '#511320', accent: '#511320', background: '#FFFFFF',
  text: '#511320', secondary: '#7D4955', negative: '#B22222',
};

const PLACES = ['bg', 'surface', 'sunken', 'soft'];

// [foreground, background, least contrast]
export const PAIRS = [
  ...PLACES.flatMap((on) => [['text', on, 4.5], ['muted', on, 4.5], ['accent', on, 4.5], ['focus', on, 3], ['control', on, 3]]),
  ...['on-primary'].flatMap((c) => [[c, 'primary', 4.5], [c, 'primary-hover', 4.5], [c, 'primary-active', 4.5]]),
  ['on-negative', 'negative-fill', 4.5], ['on-negative', 'negative-hover', 4.5],
  ['primary-edge', 'bg', 3], ['primary-edge', 'surface', 3], ['negative-fill', 'surface', 3],
  ...['negative', 'positive', 'warning'].flatMap((c) => [[c, 'bg', 4.5], [c, 'surface', 4.5], [c, 'sunken', 4.5],
    [c, `${c}-soft`, 4.5], ['text', `${c}-soft`, 4.5], ['muted', `${c}-soft`, 4.5]]),
];

const NESTED = { primary: 'primary', secondary: 'secondary', accent: 'accent', error: 'negative', background: 'background', text: 'text' };
const DERIVED = new Set(['warning', 'info', 'surface']); // of such a theme: they are derived
const BESIDE = new Set(['colors', 'typography', 'spacing', 'borderRadius', 'shadows']); // of which the colours are taken

// flat is a theme of either shape as six colours: { primary: '#511320', … }, or { colors: { primary, …, error } }, where each colour
// is a text or { hex }.
export function flat(theme = {}) {
  const { colors } = theme ?? {};
  if (!colors) return theme ?? {};
  const all = Object.fromEntries(Object.entries(NESTED).map(([name, is]) => [is, name === 'text' ? colors.text?.primary ?? colors.text : colors[name]]));
  return Object.fromEntries(Object.entries(all).filter(([, v]) => v !== undefined));
}

// themeProblem is why a theme cannot be taken: { field, message, remedy }; undefined when it can.
export function themeProblem(theme) {
  const shapes = 'Set theme to { primary: "#511320", … } with primary, accent, background, text, secondary and negative, or to { colors: { primary, …, error } }.';
  if (typeof theme !== 'object' || theme === null || Array.isArray(theme)) return { field: 'theme', message: 'theme is not an object of colours', remedy: shapes };
  const nested = 'colors' in theme, names = nested ? theme.colors : theme;
  if (typeof names !== 'object' || names === null) return { field: 'theme.colors', message: 'theme.colors is not an object of colours', remedy: shapes };
  const other = nested && Object.keys(theme).find((name) => !BESIDE.has(name)) || Object.keys(names).find((name) => (nested ? !(name in NESTED) && !DERIVED.has(name) : !(name in DEFAULT)));
  if (other) return { field: `theme.${other}`, message: `A theme has no colour ${other}`, remedy: shapes };
  const wrong = Object.entries(flat(theme)).find(([, v]) => v !== undefined && v !== null && !parse(v?.hex ?? v));
  return wrong && { field: `theme.${wrong[0]}`, message: `theme.${wrong[0]} is not a colour`, remedy: 'Write colours as "#511320" or { hex: "#511320" }.' };
}

// derive makes {light, dark}, each a map from token to #rrggbb.
export function derive(theme = {}) {
  const given = {}, said = flat(theme);
  for (const name in DEFAULT) given[name] = parse(said[name]?.hex ?? said[name]) ?? parse(DEFAULT[name]);
  const dim = given.background.l < 0.6; // the embedder's page is dark already
  return { light: dim ? night(given, given.background) : day(given), dark: night(given, dim ? given.background : undefined) };
}

function day({ primary, accent, background, text, secondary, negative }) {
  const warm = primary.c > 0.01 ? primary.h : 40; // the neutrals lean to the primary's hue
  const surface = at(background, Math.max(background.l, 0.93), Math.min(background.c, 0.03));
  const neutral = (dl, c) => lch(surface.l - dl, Math.max(c, surface.c), surface.c > 0.01 ? surface.h : warm);
  return palette({
    surface, bg: neutral(0.018, 0.004), sunken: neutral(0.034, 0.006), edge: neutral(0.095, 0.01),
    soft: lch(surface.l - 0.045, Math.min(primary.c, 0.014), warm), control: neutral(0.36, 0.02),
    text, muted: secondary, primary, accent, negative,
    tint: (h, c) => lch(surface.l - 0.045, c * 0.25, h), status: 0.48, step: 0.05,
  });
}

function night({ primary, accent, text, secondary, negative }, background) {
  const warm = primary.c > 0.01 ? primary.h : 40;
  const bg = background ? at(background, Math.min(background.l, 0.26), Math.min(background.c, 0.04)) : lch(0.165, 0.009, warm);
  const neutral = (dl, c) => lch(bg.l + dl, Math.max(c, bg.c), bg.c > 0.012 ? bg.h : warm);
  const lift = (c, l, most) => at(c, Math.max(c.l, l), Math.min(c.c, most));
  return palette({
    bg, surface: neutral(0.04, 0.011), sunken: neutral(0.015, 0.01), edge: neutral(0.135, 0.014),
    soft: lch(bg.l + 0.085, Math.min(primary.c, 0.035), warm), control: neutral(0.36, 0.02),
    text: lift(text, 0.93, 0.014), muted: lift(secondary, 0.745, 0.025),
    primary: lift(primary, 0.45, 0.115), accent: lift(accent, 0.8, 0.085), negative: lift(negative, 0.74, 0.15),
    tint: (h, c) => lch(bg.l + 0.085, c * 0.35, h), status: 0.8, step: 0.05,
  });
}

function palette(p) {
  const places = [p.bg, p.surface, p.sunken, p.soft];
  const status = { negative: p.negative, positive: lch(p.status, 0.11, 152), warning: lch(p.status, 0.1, 72) };
  const softs = {};
  for (const name in status) softs[name] = p.tint(status[name].h, 0.1);
  const everywhere = [...places, ...Object.values(softs)];
  const on = readable(p.primary), onNegative = readable(p.negative);
  const away = on.l > 0.5 ? -1 : 1; // hover goes away from what is written on it
  const near = p.primary.l + away * p.step;
  const turn = near < 0.12 || near > 0.97 ? -1 : 1;
  const shift = (c, n, text, dir = away) => repair(at(c, c.l + dir * turn * p.step * n, c.c), [text], 4.5);
  const fill = repair(repair(p.negative, [p.surface], 3), [onNegative], 4.5);
  const primary = repair(p.primary, [on], 4.5);
  const out = {
    bg: p.bg, surface: p.surface, sunken: p.sunken, soft: p.soft, edge: p.edge,
    control: repair(p.control, places, 3),
    text: repair(p.text, everywhere, 4.5), muted: repair(p.muted, everywhere, 4.5),
    accent: repair(p.accent, places, 4.5), focus: repair(p.accent, places, 3),
    primary, 'primary-hover': shift(primary, 1, on), 'primary-active': shift(primary, 2, on), 'on-primary': on,
    'primary-edge': repair(primary, places, 3),
    'negative-fill': fill, 'negative-hover': repair(at(fill, fill.l + (onNegative.l > 0.5 ? -1 : 1) * p.step, fill.c), [onNegative], 4.5),
    'on-negative': onNegative,
  };
  for (const name in status) {
    out[name] = repair(status[name], [...places, softs[name]], 4.5);
    out[`${name}-soft`] = softs[name];
  }
  return Object.fromEntries(Object.entries(out).map(([k, v]) => [k, v.hex]));
}

// apply sets the palette on an element. It uses the CSSOM, which a strict
// content security policy allows, and light-dark(), which follows color-scheme.
export function apply(element, theme) {
  for (const [name, value] of declarations(theme)) element.style.setProperty(name, value);
}

// css is the default palette as app.css holds it for the first paint.
export function css() {
  return declarations(DEFAULT).map(([name, value]) => `  ${name}: ${value};`).join('\n');
}

function declarations(theme) {
  const { light, dark } = derive(theme);
  return Object.keys(light).map((k) => [`--${k}`, `light-dark(${light[k]}, ${dark[k]})`]);
}

// readable is the white or near-black that stands out more on c.
function readable(c) {
  const white = lch(1, 0, 0), black = lch(0.16, Math.min(c.c, 0.03), c.h);
  return contrast(white.hex, c.hex) >= Math.min(4.5, contrast(black.hex, c.hex)) ? white : black;
}

// repair returns c, or the nearest lightness of it that has the ratio on every
// one of the backgrounds.
function repair(c, backgrounds, ratio) {
  const passes = (x) => backgrounds.every((b) => contrast(x.hex, b.hex) >= ratio);
  if (passes(c)) return c;
  for (let d = 0.005; d <= 1; d += 0.005) {
    for (const l of [c.l - d, c.l + d]) {
      if (l < 0 || l > 1) continue;
      const x = at(c, l, c.c);
      if (passes(x)) return x;
    }
  }
  return readable(backgrounds[0]);
}

// contrast is the ratio of WCAG 2.
export function contrast(a, b) {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

const channels = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255);
const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
const gamma = (v) => (v <= 0.0031308 ? v * 12.92 : 1.055 * v ** (1 / 2.4) - 0.055);

function luminance(hex) {
  const [r, g, b] = channels(hex).map(linear);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function parse(text) {
  if (typeof text !== 'string') return undefined;
  let hex = text.trim().toLowerCase();
  if (/^#[0-9a-f]{3}$/.test(hex)) hex = '#' + [...hex.slice(1)].map((d) => d + d).join('');
  if (!/^#[0-9a-f]{6}$/.test(hex)) return undefined;
  const [r, g, b] = channels(hex).map(linear);
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  const A = 1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s;
  const B = 0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s;
  const h = (Math.atan2(B, A) * 180) / Math.PI;
  return { l: 0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s, c: Math.hypot(A, B), h: (h + 360) % 360, hex };
}

const at = (c, l, chroma) => lch(l, chroma, c.h);

// lch is the colour, with as much of the chroma as the screen can show.
function lch(l, c, h) {
  l = Math.min(1, Math.max(0, l));
  for (let chroma = c; ; chroma = Math.max(0, chroma - 0.004)) {
    const rgb = screen(l, chroma, h);
    if (chroma > 0 && rgb.some((v) => v < -0.0005 || v > 1.0005)) continue;
    const hex = '#' + rgb.map((v) => Math.round(255 * gamma(Math.min(1, Math.max(0, v)))).toString(16).padStart(2, '0')).join('');
    return { l, c: chroma, h, hex };
  }
}

function screen(l, c, h) {
  const a = c * Math.cos((h * Math.PI) / 180), b = c * Math.sin((h * Math.PI) / 180);
  const x = (l + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const y = (l - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const z = (l - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [4.0767416621 * x - 3.3077115913 * y + 0.2309699292 * z,
    -1.2684380046 * x + 2.6097574011 * y - 0.3413193965 * z,
    -0.0041960863 * x - 0.7034186147 * y + 1.707614701 * z];
}
