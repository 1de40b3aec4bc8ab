// The painter puts on screen what the Go core decided. The core hands over a
// tree (the format is in port.d.ts, the classes are in app.css);
// the painter changes the document to match, at once: the core paces its pictures.
//
// It keeps what belongs to the person: focus, caret, scroll, text that is being
// typed, the button under a pressed pointer. It creates only elements and
// attributes from the lists below, and text only as text nodes, so nothing that
// came from a server can become markup or script.

import { focused, land, property, valueOf } from './fields.js';
import { icon } from './icons.js';

const words = (s) => new Set(s.trim().split(/\s+/));

const TAGS = words(`a abbr article aside b bdi br button caption code datalist dd details dialog div dl dt em
  fieldset figcaption figure footer form h1 h2 h3 h4 header hr icon input kbd label legend lent li main meter nav ol optgroup option
  output p pre progress section select small span strong summary table tbody td textarea tfoot th thead time tr
  ul wbr`);
const ATTRS = words(`autocapitalize autocomplete class cols colspan datetime dir disabled enterkeyhint for headers
  hidden href id inputmode label lang list max maxlength min minlength name novalidate pattern placeholder readonly rel
  required role rows rowspan scope size spellcheck step tabindex target title translate type value`);
const EVENTS = ['click', 'input', 'change', 'submit', 'keydown', 'close', 'cancel', 'toggle'];
const PROPS = ['value', 'checked', 'disabled', 'indeterminate', 'open'];
const SPECIAL = words('key on prop css focus copy name reveal at');
const NEVER = -Infinity;
const EDITING = 'input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable]';
// The class of what is a ::part of an element in a host's page → the part's name.
const PARTS = {
  form: 'form', 'is-hero': 'amount', quotes: 'quotes', quote: 'quote', 'is-best': 'best', notice: 'notice', skeleton: 'skeleton', card: 'card', button: 'button', 'is-danger': 'reject',
  statement: 'statement', steps: 'steps', prompt: 'code', list: 'list', row: 'row', badge: 'badge', rail: 'rail', status: 'strip', page: 'main', 'status-item': 'state', figure: 'figure', compare: 'figure',
};

export class Painter {
  #root; #send; #routing; #base; #view; #live;
  #state = new WeakMap(); // element → what was painted into it
  #holders = new Set(); // elements with on.hold
  #next; #pressed = NEVER; #said = ''; #path; #bridge; #keys = {}; #chord = '';
  #focus; #reveal; #dialogs = []; #stop = new AbortController(); #lend; #lent = new Map(); // element → what ends what is in it

  // root is the element to paint into; send(action, value) is told what the
  // person does. routing false leaves the address bar, the title and the keys of the
  // page to others; base gives the gateway's address. lend(element, name) is for what a
  // picture leaves to others: it returns { show(at), stop() }.
  constructor(root, send, { routing = true, base = () => '', lend = () => undefined } = {}) {
    this.#root = root;
    this.#send = send;
    this.#routing = routing;
    this.#base = base;
    this.#lend = lend;
    this.#view = document.createElement('div');
    this.#view.className = 'view';
    this.#live = document.createElement('div');
    this.#live.className = 'visually-hidden';
    this.#live.setAttribute('role', 'status');
    const on = (target, types, f, capture = false) => {
      for (const type of types) target.addEventListener(type, f, { capture, signal: this.#stop.signal });
    };
    on(root, EVENTS, this.#event, true);
    on(root, ['pointerover', 'pointerout', 'focusin', 'focusout'], () => setTimeout(this.#hold));
    on(root, ['pointerdown'], () => { this.#pressed = performance.now(); }, true);
    on(document, ['pointerup', 'pointercancel', 'dragend'], () => { this.#pressed = NEVER; }, true);
    on(root, ['copy'], copied);
    on(routing ? document : root, ['keydown'], this.#shortcut);
    if (routing) on(window, ['popstate'], () => send('navigate:' + location.pathname + location.search, ''));
  }

  // paint shows a picture: {title, announce, path, keys, tree}. Nothing moves between
  // press and release: of several pictures that come meanwhile only the newest is shown.
  paint(picture) {
    const waits = this.#next !== undefined;
    this.#next = picture;
    if (!waits) this.#show();
  }

  stop() { this.#stop.abort(); this.#next = undefined; this.#return(() => true); }

  #show = () => {
    const picture = this.#next;
    if (picture === undefined) return;
    if (performance.now() - this.#pressed < 1000) return void requestAnimationFrame(this.#show);
    this.#next = undefined;
    if (!this.#view.isConnected) this.#root.replaceChildren(this.#view, this.#live);
    const restore = this.#keepFocus();
    this.#focus = this.#reveal = undefined;
    this.#children(this.#view, picture.tree === undefined ? [] : [picture.tree]);
    this.#keys = picture.keys ?? {};
    this.#return((el) => !el.isConnected);
    const moved = this.#route(picture);
    for (const [el, open] of this.#dialogs.splice(0)) {
      if (el.open === open) continue;
      if (!open) { el.close(); continue; }
      el.showModal();
      if (!el.contains(this.#focus ?? null)) { land(el); this.#focus = el; } // read first, then Tab to a button
    }
    if (this.#focus) this.#focus.focus();
    else if (moved) land(this.#view.querySelector('main h1') ?? this.#view.querySelector('main'));
    else restore();
    if (this.#reveal) reveal(this.#reveal);
    const said = picture.announce ?? '';
    if (said !== this.#said) this.#live.textContent = this.#said = said;
    this.#tell(picture.bridge);
  };

  // tell dispatches how the bridge stands, once for each change.
  #tell(bridge) {
    const text = JSON.stringify(bridge);
    if (!bridge || text === this.#bridge) return;
    this.#bridge = text;
    this.#root.dispatchEvent(new CustomEvent('countersign-bridge', { detail: bridge, bubbles: true, composed: true }));
  }

  // route shows the picture's title and path; true when it is another page.
  #route({ title, path }) {
    if (!this.#routing) return false;
    if (title) document.title = title;
    if (!path || path === this.#path) return false;
    const first = this.#path === undefined;
    this.#path = path;
    if (path === location.pathname + location.search) return !first; // the person went back, or forward
    if (first) history.replaceState(null, '', path); else history.pushState(null, '', path);
    if (!first) window.scrollTo(0, 0);
    return !first;
  }

  // keepFocus remembers who has the focus and returns what gives it back, or,
  // when that element is gone, hands it to the nearest part that remains.
  #keepFocus() {
    const active = focused(this.#view);
    if (!active || !this.#view.contains(active)) return () => {};
    const from = active.selectionStart, to = active.selectionEnd, around = [];
    for (let n = active.parentNode; n !== this.#view; n = n.parentNode) around.push(n);
    return () => {
      if (focused(this.#view) === active) return;
      if (!active.isConnected || active.disabled) return land(around.find((n) => n.isConnected));
      active.focus({ preventScroll: true });
      if (from !== null && from !== undefined) active.setSelectionRange(from, to);
    };
  }

  #children(parent, list) {
    const keyed = new Map(), loose = [];
    for (const n of parent.childNodes) {
      const key = this.#state.get(n)?.key;
      if (key === undefined) loose.push(n); else keyed.set(key, n);
    }
    const next = [];
    for (const v of list) {
      if (v === null || v === undefined || v === false) continue;
      const key = keyOf(v);
      let old;
      if (key !== undefined) {
        old = keyed.get(key);
        if (old && this.#fits(old, v)) keyed.delete(key); else old = undefined;
      } else {
        const i = loose.findIndex((n) => this.#fits(n, v));
        if (i >= 0) [old] = loose.splice(i, 1);
      }
      next.push(this.#node(old, v, key));
    }
    for (const n of [...keyed.values(), ...loose]) n.remove();
    let at = parent.firstChild;
    for (const n of next) {
      if (n !== at && n.parentNode === parent && n.contains(focused(parent))) {
        while (at !== n) { // what is in front of it goes, it stays
          const front = at;
          at = at.nextSibling;
          parent.append(front);
        }
      }
      if (n === at) at = at.nextSibling;
      else if (n.isConnected && parent.moveBefore) parent.moveBefore(n, at);
      else parent.insertBefore(n, at);
    }
  }

  #fits(node, v) {
    return typeof v === 'string' ? node.nodeType === Node.TEXT_NODE : this.#state.get(node)?.tag === v[0];
  }

  #node(old, v, key) {
    if (typeof v === 'string') {
      if (!old) return document.createTextNode(v);
      if (old.data !== v) old.data = v;
      return old;
    }
    const [tag, attrs, children] = v;
    const now = attrs ?? {};
    if (!TAGS.has(tag)) return this.#refuse(`<${tag}>`);
    if (tag === 'icon') return this.#icon(old, now, key);
    if (tag === 'lent') return this.#place(old, now, key);
    const el = old ?? document.createElement(tag);
    const was = this.#state.get(el)?.attrs ?? {};
    this.#state.set(el, { tag, key, attrs: now, held: this.#state.get(el)?.held ?? false });
    for (const name in was) if (!(name in now) && !SPECIAL.has(name)) el.removeAttribute(name);
    for (const name in now) if (now[name] !== was[name]) this.#attribute(el, name, now[name]);
    for (const name in was.css ?? {}) if (!(name in (now.css ?? {}))) el.style.removeProperty(name);
    for (const name in now.css ?? {}) {
      if (name.startsWith('--') && now.css[name] !== was.css?.[name]) el.style.setProperty(name, now.css[name]);
    }
    if (now.on?.hold) this.#holders.add(el);
    this.#children(el, children ?? []);
    for (const name of PROPS) {
      if (!now.prop || !(name in now.prop)) continue;
      if (tag === 'dialog' && name === 'open') this.#dialogs.push([el, now.prop.open]);
      else property(el, name, now.prop[name], was.prop?.[name]);
    }
    if (now.focus && !was.focus) this.#focus = el;
    if (now.reveal && now.reveal !== was.reveal) this.#reveal = el;
    return el;
  }

  #icon(old, attrs, key) {
    const was = old && this.#state.get(old).attrs;
    const el = was?.name === attrs.name && was.class === attrs.class ? old : icon(attrs.name, attrs.class);
    if (old && el !== old) old.remove();
    this.#state.set(el, { tag: 'icon', key, attrs });
    return el;
  }

  // place is an element that someone else paints into.
  #place(old, attrs, key) {
    const el = old ?? document.createElement('div'), was = this.#state.get(el)?.attrs;
    this.#state.set(el, { tag: 'lent', key, attrs });
    if (old && was.at === attrs.at) return el;
    el.className = 'view';
    if (!old) this.#lent.set(el, this.#lend(el, attrs.name));
    this.#lent.get(el)?.show(attrs.at ?? '');
    return el;
  }

  // return ends what is in the places that are given back.
  #return(back) {
    for (const [el, inside] of this.#lent) if (back(el)) { this.#lent.delete(el); inside?.stop(); }
  }

  #attribute(el, name, value) {
    if (SPECIAL.has(name) && name !== 'name') return;
    if (!ATTRS.has(name) && !/^(aria|data)-[a-z-]+$/.test(name)) return void this.#refuse(name);
    if (value === false || value === null || value === undefined) return void el.removeAttribute(name);
    if (name === 'href' && !/^https?:$/.test(protocol(value))) return void this.#refuse(value);
    if (name === 'class' && !this.#routing) this.#part(el, value);
    if (name === 'href' && value.startsWith('/v1/')) value = this.#base() + value;
    if (name === 'target') el.setAttribute('rel', 'noopener noreferrer');
    el.setAttribute(name, value === true ? '' : String(value));
  }

  // part gives what a host may style from outside its name.
  #part(el, classes) {
    const parts = classes.split(' ').flatMap((c) => PARTS[c] ?? []);
    if (classes.includes('button') && classes.includes('is-primary')) parts.push('action');
    if (parts.length) el.setAttribute('part', parts.join(' ')); else el.removeAttribute('part');
  }

  #refuse(what) {
    console.error('countersign: refused to paint', what);
    return document.createComment('refused');
  }

  #event = (e) => {
    const plain = e.type !== 'click' || !(e.metaKey || e.ctrlKey || e.shiftKey || e.altKey);
    if (e.type === 'submit' || e.type === 'cancel') e.preventDefault();
    const type = e.type === 'cancel' ? 'close' : e.type; // Escape in a dialog asks, the core decides
    for (let n = e.target; n && n !== this.#root; n = n.parentNode) {
      const attrs = this.#state.get(n)?.attrs;
      if (!attrs) continue;
      if (type === 'click' && (attrs['aria-disabled'] === 'true' || attrs['aria-disabled'] === true)) {
        return void e.preventDefault();
      }
      if (type === 'click' && attrs.copy !== undefined) return this.#copy(n, attrs.copy);
      const action = attrs.on?.[type];
      if (type === 'close' && !attrs.prop?.open) return; // closed by the core itself
      if (action && plain) {
        if (n.tagName === 'A') e.preventDefault();
        return this.#send(action, valueOf(e, n));
      }
      if (type === 'click' && n.tagName === 'A' && plain && this.#follow(n)) return void e.preventDefault();
      if (type === 'close' || type === 'toggle') return; // these do not bubble
    }
  };

  // follow turns a link to another screen into navigation without a load.
  #follow(a) {
    const to = new URL(a.href, location.href), path = a.getAttribute('href');
    if (!this.#routing) { // a link to another screen is news for the page around
      if (!path.startsWith('/') || path.startsWith('/v1/')) return false;
      this.#send('navigate:' + path, '');
      return true;
    }
    if (a.target || to.origin !== location.origin || to.pathname.startsWith('/v1/') || to.hash) return false;
    this.#send('navigate:' + to.pathname + to.search, '');
    return true;
  }

  async #copy(el, text) {
    try {
      await navigator.clipboard.writeText(text);
      el.dataset.copied = '';
      setTimeout(() => delete el.dataset.copied, 1600);
      this.#live.textContent = this.#said = 'Copied';
    } catch {
      this.#live.textContent = this.#said = 'The browser did not allow copying';
    }
  }

  #hold = () => {
    for (const el of this.#holders) {
      const state = this.#state.get(el), action = state?.attrs.on?.hold;
      const inside = el.isConnected && el.matches(':hover, :focus-within');
      if (!el.isConnected || !action) this.#holders.delete(el);
      if (!state || inside === state.held) continue;
      state.held = inside;
      if (action) this.#send(action, String(inside));
    }
  };

  // enter puts the caret into the first of some fields that is there.
  #enter(ids) {
    const field = ids.map((id) => this.#view.querySelector(`#${id}`)).find(Boolean);
    field?.focus();
    field?.select?.();
    return field;
  }

  // shortcut looks a key, or two in a row ("g r"), up in the picture's keys.
  #shortcut = (e) => {
    if (e.defaultPrevented || e.metaKey || e.ctrlKey || e.altKey || e.isComposing || e.repeat) return;
    if (e.target.closest?.(EDITING) || this.#view.querySelector('dialog[open]')) return;
    const chord = this.#chord && `${this.#chord} ${e.key}`;
    const action = this.#keys[chord] ?? this.#keys[e.key];
    this.#chord = action || e.key.length !== 1 ? '' : e.key;
    if (!action) return;
    if (!action.startsWith('focus:')) this.#send(action, '');
    else if (!this.#enter(action.slice(6).split(' '))) return;
    e.preventDefault();
  };
}

// protocol is that of an address; empty for what is not one.
function protocol(address) {
  try { return new URL(address, location.href).protocol; } catch { return ''; }
}

// reveal scrolls to a part that came below what is on screen, as results do on a small one.
function reveal(el) {
  const { top } = el.getBoundingClientRect();
  if (top < 0 || top > innerHeight * 0.6) el.scrollIntoView({ behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' });
}

// copied takes the thin spaces out of the numbers that are copied: they are for reading.
function copied(e) {
  const text = String(getSelection()), plain = text.replace(/(?<=\d)\u202f(?=\d)/g, '');
  if (plain === text || !e.clipboardData) return;
  e.clipboardData.setData('text/plain', plain);
  e.preventDefault();
}

const keyOf = (v) => (Array.isArray(v) ? v[1]?.key ?? v[1]?.id : undefined);
