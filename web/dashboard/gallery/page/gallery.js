// The gallery: each picture in a shadow root of its own, as elements show it, or in the
// document, as the dashboard does.

import { Painter } from './painter.js';
import { frame, themed } from './root.js';
import { FORMS } from './galleryforms.js';
import { SENDS } from './gallerysend.js';
import { vaultPicture } from './vaultpicture.js';

window.refused = [];
console.error = (...a) => window.refused.push(a.join(' '));
addEventListener('securitypolicyviolation', (e) => window.refused.push(`policy: ${e.violatedDirective}`));

const make = (parent, name, attributes = {}, text = '') => {
  const element = parent.appendChild(document.createElement(name));
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(text);
  return element;
};

const read = async (name) => (await fetch(`/${name}.json`)).json();

// The vault's screens are made here, of samples of what the gateway says.
const VAULT = {
  accounts: () => ({ at: '' }), members: () => ({ at: 'members' }), groups: () => ({ at: 'groups' }), whitelists: () => ({ at: 'whitelists' }), reporting: () => ({ at: 'reporting' }),
  log: () => ({ at: 'log' }), versions: ({ object }) => ({ at: object.id, objects: new Map([[object.id, { value: object }]]) }), member: ({ single }) => ({ at: single.id, objects: new Map([[single.id, { value: single }]]) }),
  'reporting-key': ({ reporting_object: key }) => ({ at: key.id, objects: new Map([[key.id, { value: key }]]) }), 'reporting-none': ({ vault }) => ({ at: 'reporting', vault: { value: { ...vault, reporting_keys: [] } } }),
  loading: () => ({ at: '', vault: {} }), failed: () => ({ at: '', vault: { error: { code: 'GATEWAY_UNREACHABLE', message: 'The gateway does not answer', remedy: 'Check the connection and try again.' } } }),
  empty: ({ vault }) => ({ at: 'whitelists', vault: { value: { ...vault, whitelists: [] } } }), 'receipt-none': () => ({ at: 'receipt' }), 'receipt-busy': () => ({ at: 'receipt', receipt: { busy: 'Verifying in this browser' } }),
  receipt: ({ answer, vault }) => ({ at: 'receipt', trusted: vault.root.thumbprint, receipt: { name: 'receipt-req_6h2v0m3k8t1q5n7p9r4s2w0x3a.json', answer, key: vault.root.thumbprint } }),
  'receipt-untrusted': ({ answer, vault }) => ({ at: 'receipt', receipt: { name: 'receipt.json', answer, key: vault.root.thumbprint } }),
  'receipt-refused': ({ refused }) => ({ at: 'receipt', trusted: 'another', typed: '', receipt: { name: 'receipt.json', answer: refused } }),
  ...FORMS, 'members-invited': ({ invited }) => ({ at: 'members', invited }), 'receipt-key-wrong': () => ({ at: 'receipt', typed: 'one two', wrong: 'It has 2 parts, and not sixteen words or eight groups of five digits' }),
};

async function load(name) {
  if (SENDS[name]) return { tree: SENDS[name](await read('vault')) };
  if (!name.startsWith('vault--')) return read(name);
  const sample = await read('vault'), state = { lang: 'en', vault: { value: sample.vault }, objects: new Map(), picks: new Map(), log: { value: sample.log }, note: { value: sample.note } };
  return { tree: vaultPicture({ ...state, ...VAULT[name.slice(7)](sample) }) };
}
const CRANBERRY = { primary: '#511320', accent: '#511320', background: '#FFFFFF', text: '#511320', secondary: '#7D4955', negative: '#B22222' };

// show paints a picture into a host and returns what it was painted into.
async function show(host, name, theme) {
  const kind = name.split('--')[0].replace(/^app-.*/, 'app'), framed = frame(host.shadowRoot ?? host.attachShadow({ mode: 'open' }), kind);
  themed(framed, theme, getComputedStyle(host), document.documentElement.dir, 'en');
  new Painter(framed.root, () => {}, { routing: false }).paint(await load(name));
  return framed.root;
}

// one shows a picture alone: the whole dashboard as at its own address, an element as in
// a host's page.
async function one(name) {
  const section = make(document.body, 'section', { class: 'shown only' });
  if (name.startsWith('app--')) {
    const sheet = make(document.head, 'link', { rel: 'stylesheet', href: '/app.css' });
    await new Promise((done) => { sheet.onload = done; });
    window.root = document.createElement('countersign-app');
    section.replaceWith(window.root);
    new Painter(window.root, () => {}, { routing: false }).paint(await load(name));
  } else window.root = await show(make(section, 'div', { class: 'frame' }), name);
  requestAnimationFrame(() => requestAnimationFrame(() => { window.ready = true; }));
}

async function all() {
  const names = [...await read('names'), ...Object.keys(VAULT).map((n) => `vault--${n}`), ...Object.keys(SENDS)];
  const form = make(document.body, 'form');
  const choice = (label, options) => {
    const select = make(make(form, 'label', {}, `${label} `), 'select');
    for (const o of options) make(select, 'option', {}, o);
    return select;
  };
  const element = choice('Element', [...new Set(names.map((n) => n.split('--')[0]))]), scheme = choice('Scheme', ['system', 'light', 'dark']);
  const width = choice('Width', ['full', '1440', '768', '320']), direction = choice('Direction', ['ltr', 'rtl']), theme = choice('Theme', ['own', 'cranberry']);
  const list = make(document.body, 'main');
  const draw = () => {
    document.documentElement.className = scheme.value;
    document.documentElement.dir = direction.value;
    document.documentElement.style.setProperty('--width', width.value === 'full' ? 'none' : `${width.value}px`);
    list.replaceChildren();
    const seen = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting) continue;
        seen.unobserve(target);
        show(target, target.id, theme.value === 'own' ? undefined : CRANBERRY);
      }
    }, { rootMargin: '400px' });
    for (const name of names.filter((n) => n.startsWith(`${element.value}--`))) {
      const section = make(list, 'section', { class: 'shown' });
      make(make(section, 'h2'), 'a', { href: `/?only=${name}` }, name.split('--')[1]);
      const host = make(section, 'div', { class: 'frame', id: name });
      if (name.endsWith('--keys')) make(section, 'p', {}, 'It is a dialog: open it alone.'); else seen.observe(host);
    }
  };
  form.addEventListener('change', draw);
  draw();
}

const search = new URLSearchParams(location.search), only = search.get('only');
if (search.has('plain')) document.documentElement.className = 'plain'; // a host that says nothing of schemes
if (only) await one(only); else await all();
