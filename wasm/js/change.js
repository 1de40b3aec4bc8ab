// One change of the vault as somebody writes it: what is typed, kept until it is sent, what the vault says
// that it would do, and the request that it becomes. vaultpart.js shows it.

import { changePicture } from './changeview.js';
import { idOf } from './controls.js';
import { edited, get } from './draft.js';
import { ours } from './errors.js';
import { formAt } from './forms.js';
import { heard } from './impactview.js';
import { shifted } from './ruleview.js';

const PAUSE = 600; // ms without another key before the vault is asked

export class Change {
  #root; #ask; #go; #paint; #timer; #tick; #asked; #life = new AbortController(); #key; #vault; #focus; #said = ''; #lang;
  #c = {};

  // ask is that of ask.js; go(path) leads to a screen; paint paints the vault's screens again.
  constructor(root, { ask, go, paint, lang }) {
    this.#lang = lang;
    this.#root = root;
    this.#ask = ask;
    this.#go = go;
    this.#paint = paint;
    root.addEventListener('keydown', this.#keydown, { signal: this.#life.signal });
  }

  stop() {
    this.#life.abort();
    this.#rest();
  }

  #rest() {
    clearTimeout(this.#timer);
    clearInterval(this.#tick);
    this.#asked?.abort();
  }

  /** show begins the form at a place, or nothing; vault is the holder of GET /v1/vault. */
  show(at, vault) {
    this.#vault = vault;
    if (this.#c.at === at && (this.#c.draft || !this.#c.form)) return this.#changed();
    if (this.#c.at !== at) this.#rest();
    const form = formAt(at);
    if (this.#c.at !== at) this.#c = { at, form, errors: [], dry: {}, busy: false, tried: false };
    if (form && vault.value) this.#begin(this.#kept());
    return undefined;
  }

  // begin makes a draft of the vault as it is, or of what was kept.
  async #begin(was) {
    const c = this.#c, { value: vault } = this.#vault, name = this.#name(); // of the entity of now
    if (c.begun === name && !c.again) return;
    Object.assign(c, { begun: name, again: false });
    try {
      const context = await c.form.load?.(this.#ask, c.at, vault);
      if (c !== this.#c) return;
      const fresh = c.form.begin(c.at, vault, context);
      if (!fresh?.draft) Object.assign(c, { gone: fresh?.why ?? 'There is no such object in the vault' });
      else Object.assign(c, { context, base: JSON.stringify(fresh.draft), draft: { purpose: '', reference: '', ...(was?.draft ?? fresh.draft) }, restored: Boolean(was), from: was?.from ?? fresh.version, id: fresh.id });
      this.#changed();
      this.#dry(0);
    } catch (e) {
      if (this.#life.signal.aborted || c !== this.#c) return;
      Object.assign(c, { gone: e.message, begun: undefined });
    }
    this.#paint();
  }

  // changed looks whether what is being changed has another version now.
  #changed() {
    const c = this.#c, now = c.draft && c.form?.begin(c.at, this.#vault.value, c.context)?.version;
    if (c.draft) c.behind = now !== undefined && now !== c.from ? now : undefined;
  }

  get announce() { return this.#said || heard(this.#c.dry ?? {}); }

  picture() { return changePicture(this.#c, this.#vault, this.#lang); }

  /** painted puts the focus where the last action wanted it. */
  painted() {
    const id = this.#focus;
    this.#focus = undefined;
    if (id) this.#root.querySelector(`[id="${id}"], [id^="${id}-"]:not([id$="-said"])`)?.focus();
  }

  /** act does what a control says; false when it is not of this form. */
  act(action, value) {
    const c = this.#c, [name, arg = ''] = action.split(':');
    if (!c.form) return false;
    this.#said = '';
    switch (name) {
      case 'c.send': return this.#send(), true;
      case 'c.leave': return this.#leave(), true;
      case 'c.fresh': return this.#fresh(), true;
      case 'c.over': Object.assign(c, { from: c.behind, behind: undefined, failed: undefined }); return this.#typed(c.draft), true;
      case 'c.dry': return this.#dry(0), true;
      case 'c.goto': return this.#goto(arg), true;
      default:
    }
    if (!c.draft) return false;
    const own = c.form.act?.(c.draft, action, value, { vault: this.#vault.value, context: c.context }), draft = own?.draft ?? edited(c.draft, action, value);
    if (!draft) return false;
    if (own?.focus) this.#focus = idOf(own.focus);
    this.#said = own?.said ?? '';
    this.#typed(c.form.follow?.(draft, c.draft, action, this.#vault.value) ?? draft);
    return true;
  }

  // typed takes another draft: it is kept, and the vault is asked about it.
  #typed(draft) {
    const c = this.#c;
    c.draft = draft;
    c.errors = c.tried ? c.form.check(draft, this.#vault.value, c.context) : [];
    c.failed = undefined;
    this.#keep();
    this.#dry(PAUSE);
    this.#paint();
  }

  #goto(path) {
    this.#focus = idOf(path);
    const rule = /^rules\.\d+/.exec(path)?.[0];
    if (rule) this.#c.draft = edited(this.#c.draft, `set:${rule}.open`, true) ?? this.#c.draft;
    this.#paint();
  }

  #leave() {
    const { form, draft } = this.#c;
    this.#forget();
    this.#go(form.back(draft));
  }

  #fresh() {
    this.#forget();
    Object.assign(this.#c, { draft: undefined, again: true, errors: [], tried: false, failed: undefined, dry: {} });
    this.#focus = 'f-title';
    this.#begin();
  }

  // unmade is what is made before it can be asked for, while it is not.
  get #unmade() { return this.#c.context ? undefined : this.#c.form.first; }

  #intent() { return this.#c.form.intent(this.#c.draft, this.#c.from, this.#c.context); }

  // dry asks the vault what the change would do, a moment after the last key, and not at all
  // while something is missing.
  #dry(pause) {
    const c = this.#c, { dry } = c;
    this.#rest();
    if (!c.draft || c.form.alone) return;
    if (this.#unmade) return void (c.dry = { incomplete: true, until: this.#unmade.until });
    const wrong = c.form.check(c.draft, this.#vault.value, c.context), body = wrong.length === 0 && JSON.stringify({ intent: this.#intent(), try: c.form.tries?.(c.draft) });
    c.dry = { ...dry, busy: Boolean(body), incomplete: wrong.length > 0, seconds: 0, ...(wrong.length > 0 && { error: undefined }) };
    if (!body) return;
    const asked = this.#asked = new AbortController();
    this.#timer = setTimeout(async () => {
      const began = performance.now();
      this.#tick = setInterval(() => { c.dry = { ...c.dry, seconds: Math.round((performance.now() - began) / 1000) }; this.#paint(); }, 1000);
      try {
        const value = await this.#ask('/v1/requests', { signal: AbortSignal.any([asked.signal, this.#life.signal]), body: JSON.parse(body), headers: { 'Dry-Run': 'true' } });
        if (!asked.signal.aborted) c.dry = { value };
      } catch (e) {
        if (!asked.signal.aborted && !this.#life.signal.aborted) Object.assign(c, { dry: { error: Object.assign(ours(e, 'The page could not send it'), { said: plain(ours(e, 'The page could not send it')) }) }, errors: this.#mistake(ours(e, 'The page could not send it')) ?? c.errors });
      }
      if (asked.signal.aborted) return;
      clearInterval(this.#tick);
      c.found = (rule) => (c.dry.value?.findings ?? []).filter((one) => one.account === c.draft.account && one.rule === rule);
      this.#paint();
    }, pause);
  }

  // send asks for it in earnest. The same question has the same key, so that it is one request.
  async #send() {
    const c = this.#c, { form } = c;
    if (c.busy || !c.draft) return;
    c.tried = true;
    c.failed = undefined;
    c.errors = form.check(c.draft, this.#vault.value, c.context);
    if (c.errors.length > 0) return this.#refused();
    if (this.#unmade) return this.#make();
    const body = form.body?.(c.draft, c.context) ?? { intent: this.#intent() }, text = JSON.stringify(body);
    if (this.#key?.text !== text) this.#key = { text, key: crypto.randomUUID() };
    c.busy = true;
    this.#paint();
    try {
      const made = await this.#ask(form.path ?? '/v1/requests', { signal: this.#life.signal, body, headers: { 'Idempotency-Key': this.#key.key } });
      this.#forget();
      c.busy = false;
      c.made = made;
      this.#focus = 'f-title';
      this.#rest();
      this.#paint();
      if (!form.done) this.#go(`/requests/${made.id}`);
    } catch (e) {
      if (this.#life.signal.aborted) return;
      c.busy = false;
      const error = ours(e, 'The page could not send it'), mistake = this.#mistake(error);
      if (mistake) c.errors = mistake; else c.failed = error;
      this.#refused();
    }
  }

  // make has made what is needed first. It may be a secret: it stays in memory, as long as the form is shown.
  async #make() {
    const c = this.#c, first = this.#unmade, { begun } = c;
    c.busy = true;
    this.#paint();
    try {
      const made = await this.#ask(first.path, { body: {}, headers: { 'Idempotency-Key': crypto.randomUUID() } });
      await first.took(made);
      if (c !== this.#c || c.begun !== begun) return; // of another form, or entity
      Object.assign(c, { context: made, tried: false });
      this.#focus = `f-${first.focus}`;
      this.#dry(0);
    } catch (e) {
      if (this.#life.signal.aborted || c !== this.#c) return;
      c.failed = ours(e, 'The page could not send it');
      this.#focus = 'f-errors';
    } finally { c.busy = false; }
    this.#paint();
  }

  // mistake is what a refusal says about a part of the draft; undefined when it is about no part.
  #mistake({ field: named, message }) {
    const { form, draft } = this.#c, field = form.placed?.(named, draft) ?? named;
    return field && get(draft, field) !== undefined ? [{ field, message: plain({ field: named, message }).replace(/^./, (s) => s.toUpperCase()) }] : undefined;
  }

  #refused() {
    this.#focus = 'f-errors';
    this.#paint();
  }

  // What was typed survives a reload, in this tab alone.
  #name() { return this.#vault.value && `countersign:${this.#vault.value.entity}:${this.#c.at}`; }
  #keep() {
    const { form, draft, base, from } = this.#c;
    if (form.secret) return;
    try {
      if (JSON.stringify({ ...draft, purpose: undefined, reference: undefined }) === base && !draft.purpose && !draft.reference) sessionStorage.removeItem(this.#name());
      else sessionStorage.setItem(this.#name(), JSON.stringify({ draft, from }));
    } catch { /* the browser keeps nothing for this page */ }
  }
  #kept() { try { return JSON.parse(sessionStorage.getItem(this.#name()) ?? 'null') ?? undefined; } catch { return undefined; } }
  #forget() { try { sessionStorage.removeItem(this.#name()); } catch { /* as above */ } }

  // Esc leaves the form, and what is typed is kept. Alt and an arrow move the rule that has the focus.
  #keydown = (e) => {
    const c = this.#c;
    if (!c.draft || e.defaultPrevented || c.made) return;
    if (e.key === 'Escape' && !e.target.closest?.('dialog, details[open] summary')) {
      e.preventDefault();
      return void this.#go(c.form.back(c.draft));
    }
    const rule = e.altKey && /^Arrow(Up|Down)$/.test(e.key) && e.target.closest?.('[data-rule]');
    if (!rule) return;
    e.preventDefault();
    const { draft, said } = shifted(c.draft, Number(rule.dataset.rule), e.key === 'ArrowUp' ? -1 : 1);
    this.#said = said ?? '';
    if (said) this.#typed(draft);
  };
}

// plain is what a refusal says of a part, without the name that the part has in the interface.
function plain({ field, message }) {
  const i = field ? message.indexOf(`${field} `) : -1;
  return i < 0 ? message : `it ${message.slice(i + field.length + 1)}`;
}
