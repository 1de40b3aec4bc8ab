// The send form in one element: it keeps what is typed, asks what it would cost and who would decide,
// and makes the request. Loaded when somebody opens it, by the dashboard and by <countersign-send>.

import { idOf } from './controls.js';
import { edited } from './draft.js';
import { checked } from './eip55.js';
import { UNCLEAR, fail, ours } from './errors.js';
import { Painter } from './painter.js';
import { regrouped, typedAmount } from './numbers.js';
import { isSecret, known, recipientProblem } from './recipient.js';
import { accountOf, amountOf, check, empty, intentOf, placed, settled } from './sendform.js';
import { sendPicture } from './sendview.js';

const PAUSE = 400; // ms without another key before the gateway is asked
const CANNOT = 'The page could not send it';
const FILLS = ['account', 'asset', 'to', 'amount', 'purpose', 'reference'];

export class SendPart {
  #root; #painter; #ask; #go; #made; #life = new AbortController(); #asked; #timer; #asks; #focus; #said = '';
  #s = { lang: '', vault: {}, draft: empty(), cost: undefined, costing: false, refusal: undefined, dry: {}, errors: [], found: [], tried: false, failed: undefined, busy: false, made: undefined };

  // root is painted into; ask is that of ask.js; go(path) leads to another screen. made(request), where it is given, is told of
  // the request, and the part stays where it is.
  constructor(root, { ask, go, lang = '', made }) {
    this.#root = root;
    this.#ask = (path, o) => ask(path, { signal: this.#life.signal, ...o });
    this.#go = go;
    this.#made = made;
    this.#s.lang = lang;
    this.#painter = new Painter(root, this.#act, { routing: false });
  }

  stop() {
    this.#life.abort();
    this.#rest();
    this.#painter.stop();
  }

  #rest() {
    clearTimeout(this.#timer);
    this.#asked?.abort();
  }

  /** show begins with an account, or none: its id. */
  show(at) { this.fill(at ? { account: at } : {}); }

  /** fill fills some of the form in: { account, asset, to, amount, purpose, reference }. */
  fill(values) {
    const s = this.#s;
    for (const name of FILLS) if (values[name]) s.draft = this.#follow({ ...s.draft, [name]: values[name] }, `set:${name}`);
    if (s.vault.value) this.#settle(); else this.#read();
    this.#paint();
  }

  /** hear is told what changed (shared/spec/wire.md, GET /v1/events), and that the stream began again. */
  hear(type, detail) {
    if (type === 'listening' && detail || type === 'change' && detail.what === 'entity') this.#read();
    else if (type === 'change' && (detail.what === 'account' && detail.id === this.#s.draft.account || detail.what === 'request')) this.#look(PAUSE);
  }

  async #read() {
    const { vault } = this.#s;
    if (vault.asked) { vault.again = true; return; }
    vault.asked = true;
    try {
      const first = !vault.value;
      vault.value = await this.#ask('/v1/vault');
      vault.error = undefined;
      if (first) this.#s.draft = { ...this.#kept(), ...Object.fromEntries(Object.entries(this.#s.draft).filter(([, v]) => v && v !== 'normal')) };
      this.#settle();
    } catch (e) {
      if (this.#life.signal.aborted) return;
      vault.error = ours(e, CANNOT);
    }
    vault.asked = false;
    this.#paint();
    if (vault.again) { vault.again = false; this.#read(); }
  }

  // settle makes the draft one of this vault, and asks about it.
  #settle() {
    const s = this.#s;
    s.draft = settled({ ...empty(), ...s.draft }, s.vault.value);
    this.#judge();
    this.#look(0);
  }

  // judge looks what is wrong, as far as the page sees, and as the gateway said of what has not changed since.
  #judge() {
    const s = this.#s, own = check(s.draft, s.vault.value, this.#cost(), s.tried, s.lang);
    s.errors = [...own, ...s.found.filter((e) => e.of === this.#about() && !own.some((o) => o.field === e.field))];
  }

  // cost is what was answered about this account.
  #cost() { const { cost, draft } = this.#s; return cost?.of === draft.account && cost.value.asset === draft.asset ? cost.value : undefined; }
  #about() { const { account, asset, to, amount, all, speed, fee } = meaning(this.#s.draft); return JSON.stringify([account, asset, to, amount, all, speed, fee]); }

  // look asks what it costs and then who decides, a moment after the last key. What was asked before is cancelled.
  #look(pause) {
    const s = this.#s;
    this.#rest();
    if (!s.vault.value || s.made || !accountOf(s.vault.value, s.draft)) return;
    const asked = this.#asked = new AbortController();
    s.costing = true;
    this.#timer = setTimeout(() => this.#run(AbortSignal.any([asked.signal, this.#life.signal])), pause);
  }

  async #run(signal) {
    const s = this.#s, { draft } = s, account = accountOf(s.vault.value, draft), about = this.#about(), to = draft.to.trim(), amount = amountOf(draft, this.#cost());
    const query = new URLSearchParams({ asset: draft.asset });
    if (!recipientProblem(to, account, s.vault.value)) {
      query.set('to', to);
      if (amount && check(draft, s.vault.value, this.#cost()).length === 0) query.set('amount', amount);
    }
    const refused = (e) => {
      const error = ours(e, CANNOT), at = placed(error);
      s.found = at ? [{ ...at, of: about }] : [];
      return at ? undefined : error;
    };
    try {
      const value = await this.#ask(`/v1/accounts/${account.id}/transfer-cost?${query}`, { signal });
      Object.assign(s, { cost: { of: account.id, value }, refusal: undefined, found: [] });
    } catch (e) {
      if (signal.aborted) return;
      s.refusal = refused(e);
    }
    s.costing = false;
    this.#judge();
    const intent = check(draft, s.vault.value, this.#cost(), true).length === 0 && s.errors.length === 0 && !s.refusal && intentOf(draft, this.#cost());
    s.dry = intent ? { ...s.dry, error: undefined, busy: true } : {};
    this.#paint();
    if (!intent) return;
    try {
      const value = await this.#ask('/v1/requests', { signal, body: { intent }, headers: { 'Dry-Run': 'true' } });
      s.dry = { value };
      this.#said = value.decision.rule ? `Decided by the rule ${value.decision.rule}` : 'The vault would refuse it';
    } catch (e) {
      if (signal.aborted) return;
      const error = refused(e);
      s.dry = error ? { error } : {};
    }
    this.#judge();
    this.#paint();
  }

  #act = (action, value) => {
    const s = this.#s, [name, arg, ...more] = action.split(':');
    if (action.startsWith('navigate:')) return this.#go(action.slice(9));
    this.#said = '';
    switch (name) {
      case 'again': return s.vault.value ? (s.refusal = undefined, this.#look(0), this.#paint()) : this.#read();
      case 's.send': return this.#send();
      case 's.more': Object.assign(s, { made: undefined, draft: { ...empty(), account: s.draft.account, asset: s.draft.asset }, tried: false, dry: {}, found: [] }); return this.#typed(s.draft);
      case 's.all': return this.#typed({ ...s.draft, all: !s.draft.all, ...(s.draft.all && { amount: '' }) });
      case 's.written': return s.draft.all && arg === 'amount' ? undefined : this.#written(arg);
      case 's.mean': this.#focus = idOf(arg); return this.#typed({ ...s.draft, [arg]: regrouped(more[0], s.lang) });
      case 's.speed': return this.#typed({ ...s.draft, speed: arg });
      case 's.checked': this.#focus = idOf('to'); return this.#typed({ ...s.draft, to: checked(s.draft.to.trim().slice(2)) });
      default:
    }
    const draft = edited(s.draft, action, value);
    return draft && this.#typed(this.#follow(draft, action));
  };

  // written writes an amount as the page writes numbers, once the person is done with it: it asks for the same as before.
  #written(field) {
    const s = this.#s;
    s.draft = { ...s.draft, [field]: regrouped(s.draft[field], s.lang) };
    this.#keep();
    this.#paint();
  }

  // follow changes what belongs to what was changed.
  #follow(draft, action) {
    const vault = this.#s.vault.value;
    switch (action) {
      case 'set:account': return vault ? settled({ ...draft, ...(draft.book && known(vault, accountOf(vault, draft)?.chain, draft.book).length === 0 && { book: '', to: '' }) }, vault) : draft;
      case 'set:book': return { ...draft, to: draft.book };
      case 'set:to': return { ...draft, book: '' };
      case 'set:amount': return { ...draft, all: false };
      default: return draft;
    }
  }

  #typed(draft) {
    const s = this.#s;
    Object.assign(s, { draft, failed: undefined });
    this.#judge();
    this.#keep();
    this.#look(PAUSE);
    this.#paint();
  }

  // send asks for it in earnest. The same question has the same key, so that it is one request.
  async #send() {
    const s = this.#s;
    if (s.busy || !s.vault.value) return;
    Object.assign(s, { tried: true, failed: undefined, found: [] }); // what the gateway said may be over
    this.#judge();
    const question = s.errors.length === 0 && this.#question();
    if (!question) {
      if (s.errors.length === 0) s.failed = s.refusal ?? fail('NOT_READY', 'What it costs is not known yet', { remedy: 'Wait a moment, then try again.' });
      return this.#refused();
    }
    const about = this.#about();
    s.busy = true;
    this.#paint();
    try {
      const made = await this.#ask('/v1/requests', { body: { intent: question.intent }, headers: { 'Idempotency-Key': question.key } });
      this.#forget();
      this.#rest();
      Object.assign(s, { busy: false, made });
      if (!this.#made) return this.#go(`/requests/${made.id}`);
      this.#made(made);
      this.#focus = 'f-errors';
      return this.#paint();
    } catch (e) {
      if (this.#life.signal.aborted) return undefined;
      const error = ours(e, CANNOT), at = placed(error);
      if (!UNCLEAR.has(error.code)) this.#asks = undefined;
      this.#keep();
      Object.assign(s, { busy: false, failed: at ? undefined : error, found: at ? [{ ...at, of: about }] : s.found });
      this.#judge();
      return this.#refused();
    }
  }

  // question is what is asked, with its key. Both stay as they are, whatever it costs meanwhile, until the draft changes or there is a
  // clear answer: whoever presses again, or leaves and comes back, asks for the same request. undefined while it is not known.
  #question() {
    const { draft } = this.#s, of = JSON.stringify(meaning(draft));
    if (this.#asks?.of !== of) {
      const intent = intentOf(draft, this.#cost());
      this.#asks = intent && { of, intent, key: crypto.randomUUID() };
      this.#keep();
    }
    return this.#asks;
  }

  // refused puts the focus on the first thing that is wrong.
  #refused() {
    const { errors, draft } = this.#s, first = ['account', 'asset', 'to', 'amount', 'fee', 'purpose', 'reference'].find((name) => errors.some((e) => e.field === name));
    this.#focus = !first ? 'f-errors' : idOf(first === 'to' && draft.book ? 'book' : first);
    this.#said = errors[0]?.message ?? '';
    this.#paint();
  }

  // What was typed survives a reload, in this tab alone.
  #name() { return `countersign:${this.#s.vault.value.entity}:send`; }
  #keep() { try { if (isSecret(this.#s.draft.to)) sessionStorage.removeItem(this.#name()); else sessionStorage.setItem(this.#name(), JSON.stringify({ draft: this.#s.draft, asks: this.#asks })); } catch { /* the browser keeps nothing for this page */ } }
  #kept() {
    try {
      const { draft, asks } = JSON.parse(sessionStorage.getItem(this.#name()) ?? '{}');
      this.#asks = asks;
      return draft;
    } catch { return undefined; }
  }
  #forget() {
    this.#asks = undefined;
    try { sessionStorage.removeItem(this.#name()); } catch { /* as above */ }
  }

  #paint() {
    if (this.#life.signal.aborted) return;
    const s = this.#s, id = this.#focus;
    this.#painter.paint({ tree: sendPicture({ ...s, cost: this.#cost() }), announce: this.#said });
    this.#focus = undefined;
    if (id) (this.#root.querySelector(`[id="${id}"]`) ?? this.#root.querySelector('[name="speed"]'))?.focus();
  }
}

// meaning is a draft with its amounts as they are read, however they are written.
const meaning = (draft) => ({ ...draft, ...Object.fromEntries(['amount', 'fee'].map((name) => [name, typedAmount(draft[name]).amount ?? draft[name]])) });
