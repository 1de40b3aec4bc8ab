// The shadow root of an element. An inner wrapper resets what would be inherited from
// the host's page; inside it is the element's own ground with the dashboard's styles.

import { css } from './styles.js'; // generated from app.css
import { apply } from './theme.js';

const OWN = `
:host { display: block; }
:host([hidden]) { display: none; }
.holder { all: initial; display: block; container: countersign / inline-size; }
.countersign { min-block-size: 0; background: none; border-radius: var(--radius); }
.countersign.is-app { background: var(--bg); }
.countersign .app, .countersign .page { min-block-size: 0; }
.countersign .page { padding: 0; max-inline-size: none; }
.countersign.is-app .frame > .page { padding: 16px clamp(16px, 3cqi, 32px) 32px; }
.countersign.is-app .part { padding: 16px clamp(16px, 3cqi, 32px) 32px; }
.countersign .part > .bridge-notice { padding: 0; max-inline-size: none; }
.countersign.is-app .frame > .bridge-notice { padding: 16px clamp(16px, 3cqi, 32px) 0; max-inline-size: none; }
.countersign.is-app .rail { block-size: auto; align-self: stretch; }
.countersign .part .page-title { font-size: 18px; line-height: 26px; }
.countersign .status { position: static; }
.countersign .part > .cluster > .sandbox { position: static; flex: none; inline-size: auto; padding: 2px 10px; border-radius: 6px; font-size: 13px; line-height: 20px; }
`;

let made;

// sheets are the styles of all roots: those of the dashboard, measured against the
// element's width where they ask for the window's.
function sheets() {
  if (made) return made;
  const inside = css.replaceAll('countersign-app {', '.countersign {').replaceAll(/@media (\((?:min|max)-width: \d+px\))/g, '@container countersign $1').replaceAll('100vh', '0px');
  made = [inside, OWN].map((text) => { const sheet = new CSSStyleSheet(); sheet.replaceSync(text); return sheet; });
  return made;
}

// frame fills a shadow root and returns { holder, root }: root is painted into.
export function frame(shadow, kind) {
  shadow.adoptedStyleSheets = sheets();
  const holder = document.createElement('div'), root = document.createElement('div');
  holder.className = 'holder';
  root.className = `countersign is-${kind}`;
  root.setAttribute('part', 'root');
  holder.append(root);
  shadow.replaceChildren(holder);
  return { holder, root };
}

const COLOURS = ['primary', 'accent', 'background', 'text', 'secondary', 'negative'];

// themed gives a frame its colours, direction and language. What the page's styles say
// in --countersign-primary and its like goes before theme.
export function themed({ holder, root }, theme, styles, dir, lang) {
  const said = (name) => styles.getPropertyValue(`--countersign-${name}`).trim();
  const colours = { ...theme };
  for (const name of COLOURS) if (said(name)) colours[name] = said(name);
  if (Object.keys(colours).length) apply(root, colours);
  for (const name of ['font', 'radius']) {
    if (said(name)) root.style.setProperty(`--${name}`, said(name)); else root.style.removeProperty(`--${name}`);
  }
  root.style.colorScheme = styles.colorScheme === 'normal' ? 'light' : styles.colorScheme; // such a page is white, whatever the person prefers
  holder.dir = dir === 'rtl' ? 'rtl' : 'ltr';
  if (lang) holder.lang = lang; else holder.removeAttribute('lang');
}
