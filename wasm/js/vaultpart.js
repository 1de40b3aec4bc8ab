// The vault's screens in one element: they ask the gateway, hear what changes and show it.
// Loaded when somebody opens them, by the dashboard and by <countersign-vault>.

import { Change } from './change.js';
import { fail, ours } from './errors.js';
import { isForm } from './forms.js';
import { Painter } from './painter.js';
import { rootOf, said } from './receiptview.js';
import { save } from './save.js';
import { store } from './store.js';
import { isObject, isReceipt, vaultPicture } from './vaultpicture.js';
import { picked } from './vaultviews.js';
import { verifier } from './verify.js';

const PAGE = 50; // entries of the log at once
const MOST = 16 << 20; // bytes of a receipt

export class VaultPart {
  #painter; #ask; #go; #verify; #root; #reading; #last = Promise.resolve(); #life = new AbortController(); #shown = ''; #change;
  #state = { at: '', lang: '', vault: {}, objects: new Map(), picks: new Map(), log: {}, note: {}, receipt: undefined, trusted: undefined, typed: '', wrong: '', invited: undefined, change: () => this.#change.picture() };

  // root is painted into; ask is that of ask.js; go(path) leads to another screen, also one
  // of the vault; base gives the gateway's address, and verify where the verifier comes from.
  constructor(root, { ask, go, lang = '', base = () => '', verify = {} }) {
    this.#root = root;
    this.#ask = (path, o) => ask(path, { signal: this.#life.signal, ...o });
    this.#go = go;
    this.#verify = verify;
    this.#state.lang = lang;
    this.#change = new Change(root, { ask: this.#ask, go, paint: () => this.#paint(), lang });
    this.#painter = new Painter(root, this.#act, { routing: false, base });
    const on = (type, f) => root.addEventListener(type, f, { signal: this.#life.signal });
    on('change', (e) => { if (e.target.type === 'file' && e.target.files[0]) this.#file(e.target.files[0]); });
    on('dragover', (e) => { if (this.#state.at === 'receipt' || this.#state.receipt) e.preventDefault(); });
    on('drop', (e) => {
      e.preventDefault();
      if (e.dataTransfer.files[0]) this.#file(e.dataTransfer.files[0]);
    });
  }

  stop() {
    this.#life.abort();
    this.#change.stop();
    this.#painter.stop();
  }

  /** show goes to a part: "", "members", "log", an object's id, or a request's id for its receipt. */
  show(at) {
    const state = this.#state, before = state.at;
    state.at = at;
    if (before !== at && !isReceipt(at)) state.receipt = undefined;
    this.#change.show(at, state.vault);
    this.#load();
    this.#paint();
  }

  /** hear is told what changed (shared/spec/wire.md, GET /v1/events), and that the stream began again. */
  hear(type, detail) {
    if (type === 'listening' && detail) this.#again();
    else if (type === 'change' && detail.what === 'entity') this.#again();
    else if (type === 'change' && detail.what === 'request' && this.#state.at === 'log') this.#newer();
  }

  async #again() {
    await this.#reading; // which may have begun before the change
    const { at, objects } = this.#state;
    this.#read();
    for (const id of [...objects.keys()]) if (id !== at) objects.delete(id); // they are read again when they are shown
    if (objects.has(at)) this.#object(at);
    if (at === 'log') this.#newer();
    if (at === 'members') this.#invitations();
  }

  #load() {
    const { at, vault, objects, receipt } = this.#state;
    if (!vault.value && !vault.asked) this.#read();
    if (at === 'log') { this.#newer(); this.#note(); }
    else if (at === 'members') this.#invitations();
    else if (isReceipt(at)) { this.#trusted(); if (at !== 'receipt' && receipt?.request !== at) this.#receipt(at); }
    else if (isObject(at) && !objects.get(at)?.value) this.#object(at);
  }

  // into keeps an answer, or the error beside what was there before.
  async #into(holder, ask) {
    holder.asked = true;
    try {
      holder.value = await ask();
      holder.error = undefined;
    } catch (e) {
      if (this.#life.signal.aborted) return;
      holder.error = ours(e, 'The page could not show it');
    }
    this.#paint();
  }

  // read reads the vault; whoever waits for it while that is under way waits for the same.
  #read() {
    this.#reading ??= this.#into(this.#state.vault, () => this.#ask('/v1/vault')).finally(() => { this.#reading = undefined; this.#change.show(this.#state.at, this.#state.vault); this.#paint(); });
    return this.#reading;
  }

  #object(id) {
    const { objects } = this.#state;
    if (!objects.has(id)) objects.set(id, {});
    return this.#into(objects.get(id), () => this.#ask(`/v1/vault/${id}`));
  }

  async #versions(id) {
    const holder = this.#state.objects.get(id), { value } = holder;
    if (this.#state.more || !value?.before) return;
    this.#state.more = true;
    this.#paint();
    await this.#into(holder, async () => {
      const next = await this.#ask(`/v1/vault/${id}?before=${value.before}`);
      return { ...next, versions: [...value.versions, ...next.versions] };
    });
    this.#state.more = false;
    this.#paint();
  }

  // turn has one reading of the log follow another. Of a kind one waits at most.
  #turn(kind, read) {
    const { log } = this.#state;
    if (log[kind]) return;
    log[kind] = true;
    this.#paint();
    this.#last = this.#last.then(() => {
      if (kind === 'newer') log[kind] = false; // what changes from here on is read by the next
      return this.#into(log, read);
    }).then(() => {
      if (kind === 'older') log[kind] = false;
      this.#paint();
    });
  }

  // newer reads the entries that are newer than those that are shown; at first the newest.
  #newer() {
    this.#turn('newer', async () => {
      const known = this.#state.log.value?.entries ?? [];
      const { log: { size: now } } = await this.#ask(`/v1/log?after=${Number.MAX_SAFE_INTEGER}&limit=1`);
      const after = known.length > 0 && now - known[0].seq <= PAGE ? known[0].seq : Math.max(-1, now - 1 - PAGE);
      const { entries, size } = await this.#entries(after, now);
      return { size, entries: known.length > 0 && after === known[0].seq ? [...entries, ...known] : entries };
    });
  }

  #older() {
    this.#turn('older', async () => {
      const { size, entries } = this.#state.log.value, last = entries.at(-1).seq;
      const more = await this.#entries(Math.max(-1, last - 1 - PAGE), last);
      return { size, entries: [...entries, ...more.entries] };
    });
  }

  // entries are those after one and before another, the newest first. An answer may have
  // fewer than were asked for.
  async #entries(after, before) {
    const all = [];
    for (let last = after, size = before; ;) {
      const page = last < before - 1 ? await this.#ask(`/v1/log?after=${last}&limit=${Math.min(PAGE, before - 1 - last)}&words=true`) : undefined;
      if (!page || page.entries.length === 0) return { entries: all.reverse(), size };
      all.push(...page.entries);
      last = all.at(-1).seq;
      size = page.log.size;
    }
  }

  // invitations are shown with the members; without them the screen is as good.
  async #invitations(withdrawn) {
    try {
      this.#state.invited = (await this.#ask(withdrawn ? `/v1/invitations/${withdrawn}` : '/v1/invitations', withdrawn && { method: 'DELETE' })).invitations;
    } catch (e) {
      if (this.#life.signal.aborted) return;
      if (withdrawn) reportError(e);
    }
    this.#paint();
  }

  #note() { return this.#into(this.#state.note, () => this.#ask('/v1/log/checkpoint')); }

  // trusted reads which root key the person compared in this browser.
  async #trusted() {
    if (!this.#state.vault.value) await this.#read(); // it goes on without it when that cannot be read
    const entity = this.#state.vault.value?.entity;
    if (entity && this.#state.trusted === undefined) this.#state.trusted = (await store.get(`root:${entity}`)) ?? '';
    this.#paint();
  }

  async #receipt(request) {
    const receipt = this.#state.receipt = { request, name: `receipt-${request}.json`, busy: 'Fetching the receipt' };
    this.#paint();
    try {
      receipt.bytes = await this.#ask(`/v1/requests/${request}/receipt`, { bytes: true });
    } catch (e) {
      if (this.#life.signal.aborted) return;
      Object.assign(receipt, { busy: '', error: e });
      return this.#paint();
    }
    return this.#check(receipt);
  }

  async #file(file) {
    const receipt = this.#state.receipt = { request: this.#state.at, name: file.name, busy: 'Reading the file' };
    if (file.size > MOST) Object.assign(receipt, { busy: '', error: fail('PAYLOAD_TOO_LARGE', 'The file is too long for a receipt', { remedy: 'Choose a receipt: it has at most 16 MiB.' }) });
    else {
      receipt.bytes = new Uint8Array(await file.arrayBuffer());
      await this.#check(receipt);
    }
    this.#paint();
  }

  // check verifies a receipt with the key that was compared, else with the one that the
  // gateway names.
  async #check(receipt) {
    if (!receipt?.bytes) return;
    Object.assign(receipt, { busy: 'Verifying in this browser', error: undefined, answer: undefined });
    this.#paint();
    try {
      const verify = await verifier(this.#verify);
      await this.#trusted();
      receipt.key = this.#state.trusted || this.#state.vault.value?.root.thumbprint;
      receipt.answer = receipt.key ? verify(receipt.bytes, receipt.key) : undefined;
      if (!receipt.key) receipt.error = fail('ROOT_KEY_MISSING', 'There is no root key to verify it with', { remedy: 'Write the root key that you have.' });
    } catch (e) {
      receipt.error = ours(e, 'The receipt could not be verified');
    }
    receipt.busy = '';
    this.#paint();
  }

  async #trust(key) {
    const { entity } = this.#state.vault.value ?? {};
    if (entity) await (key ? store.set(`root:${entity}`, key) : store.delete(`root:${entity}`)); // kept before it is said
    Object.assign(this.#state, { trusted: key, typed: '', wrong: '' });
    await this.#check(this.#state.receipt);
    this.#paint();
  }

  #act = (action, value) => {
    const state = this.#state, { at } = state, [name, arg] = action.split(':');
    if (action.startsWith('navigate:')) return this.#go(action.slice(9));
    if (isForm(at) && this.#change.act(action, value)) return undefined;
    switch (name) {
      case 'again': return at === 'log' ? (this.#newer(), this.#note()) : isReceipt(at) && at !== 'receipt' ? (this.#read(), this.#receipt(at)) : (this.#read(), state.objects.has(at) && this.#object(at));
      case 'older': return at === 'log' ? this.#older() : this.#versions(at);
      case 'from': case 'to': return this.#pick(at, name, Number(value));
      case 'save': return arg === 'note' ? save({ name: 'checkpoint.txt', text: state.note.value.note, type: 'text/plain' }) : save({ name: state.receipt.name, text: state.receipt.bytes, type: 'application/json' });
      case 'withdraw': return this.#invitations(arg);
      case 'print': return window.print();
      case 'typing': state.typed = value; return undefined;
      case 'trust': return this.#trust(state.vault.value.root.thumbprint);
      case 'forget': return this.#trust('');
      case 'key': return this.#own(JSON.parse(value).key ?? '');
      default: return undefined;
    }
  };

  #own(typed) {
    const { key, wrong } = rootOf(typed, this.#state.vault.value?.root);
    this.#state.typed = typed;
    this.#state.wrong = wrong ?? '';
    if (key) this.#trust(key); else this.#paint();
  }

  #pick(id, which, version) {
    const { objects, picks } = this.#state, [from, to] = picked(objects.get(id).value, picks.get(id)).map((v) => v.version);
    picks.set(id, which === 'from' ? [version, to] : [from, version]);
    this.#paint();
  }

  #paint() {
    if (this.#life.signal.aborted) return;
    const { at } = this.#state, moved = this.#shown !== at;
    this.#shown = at;
    this.#painter.paint({ tree: vaultPicture(this.#state), announce: moved ? '' : isForm(at) ? this.#change.announce : said(this.#state.receipt, this.#state.trusted) });
    this.#change.painted();
    const tab = moved && this.#root.querySelector('.tab[aria-current]');
    if (tab) tab.parentNode.scrollLeft = tab.offsetLeft - tab.parentNode.offsetLeft - 44; // on a small screen not all fit
  }
}
