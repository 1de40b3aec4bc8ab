// Who will decide, before anything is sent: what the vault's rules say of a purchase
// (POST /v1/requests with Dry-Run), in a place that the core leaves. It waits for nobody, and
// what it asked before and is not wanted any more is cancelled.

import { el, list, moment, plural, text } from './nodes.js';
import { number } from './numbers.js';
import { Painter } from './painter.js';

const PAUSE = 350; // ms without another question before one is asked

export class DryPart {
  #painter; #ask; #lang; #timer; #asked; #at; #names;

  // root is painted into; ask is a promise of that of ask.js.
  constructor(root, { ask, lang }) {
    this.#ask = ask;
    this.#lang = lang;
    this.#painter = new Painter(root, () => {}, { routing: false });
  }

  /** show: "QUOTE ACCOUNT", and " short" for one line; "" for nothing. */
  show(at) {
    if (at === this.#at) return;
    this.#at = at;
    this.stop();
    const [quote, account, short] = at.split(' ');
    if (!quote) return this.#paint(undefined);
    const asked = this.#asked = new AbortController();
    if (!short) this.#paint(waiting());
    this.#timer = setTimeout(() => this.#run(quote, account, short, asked), PAUSE);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#asked?.abort();
  }

  async #run(quote, account, short, asked) {
    try {
      const ask = await this.#ask, { signal } = asked;
      this.#names ??= ask('/v1/entity').then((e) => new Map(e.members.map((m) => [m.id, m.name])));
      this.#names.catch(() => { this.#names = undefined; });
      const said = await ask('/v1/requests', { signal, body: { quote_id: quote, account_id: account }, headers: { 'Dry-Run': 'true' } });
      const names = await this.#names;
      if (!signal.aborted) this.#paint((short ? line : whole)(said, names, this.#lang));
    } catch (e) {
      if (asked.signal.aborted) return;
      this.#paint(short ? undefined : box([text('p', '', `Who decides is not known now: ${e.message}. You can send the request all the same.`)]));
    }
  }

  #paint(tree) { this.#painter.paint({ tree }); }
}

const box = (parts) => text('div', 'sentence stack is-tight', text('p', 'eyebrow', 'Who decides'), parts);
const REFUSED = new Set(['DENIED', 'BLOCKED']);

const waiting = () => box([text('span', 'visually-hidden', 'Loading'), ...[1, 2].map((key) => el('span', 'skeleton is-line', { key }))]);

// line is all of it in one line.
export function line(said, names) {
  const { decision } = said;
  return text('p', 'small muted', REFUSED.has(decision.state) ? `The vault would refuse it: ${why(decision)}.` : `Who decides: ${steps(said, names)} (${decision.rule}).`);
}

// whole says also why other rules do not govern, and what is left of windows.
export function whole(said, names, lang) {
  const { decision, rules, windows } = said;
  if (REFUSED.has(decision.state)) return box([text('p', '', text('strong', '', 'The vault will refuse it'), `: ${why(decision)}.`), others(rules)]);
  const left = windows.filter((w) => w.rule === decision.rule && w.left !== undefined);
  return box([
    text('p', '', text('strong', '', decision.rule), `: ${steps(said, names)}. They have until `, moment(decision.expires, lang), '.'),
    left.map((w) => text('p', 'small', `Of ${w.currency ? `${number(w.max, lang)} ${w.currency}` : plural(Number(w.max), 'request')} in ${span(w.seconds)}, ${number(w.left, lang)}${w.currency ? ` ${w.currency}` : ''} is left before it.`)),
    others(rules),
  ]);
}

// why is what denies it, without the sentence that only says so.
const why = ({ reasons }) => reasons.filter((r) => r !== 'no rule allows this').join('; ') || 'no rule allows it';

// steps are those that remain, in their order: "2 of Alice and Bob, then 24 hours pass".
export function steps({ decision, remaining }, names) {
  const who = (ids) => list(ids.map((id) => names.get(id) ?? id));
  const first = decision.initiators?.length > 0 ? [`one of ${who(decision.initiators)} signs and sends it`] : [];
  return [...first, ...remaining.map((s) => {
    if (s.delay) return `${span(s.delay)} pass`;
    const quorums = s.quorums.map((q) => `${q.needed} of ${who(q.members)}`).join(', or ');
    return s.reviewer ? `the program ${who([s.reviewer])} approves${quorums && `, or leaves it to ${quorums}`}` : `${quorums}${s.exclude_initiator ? ', but not who asked' : ''}`;
  })].join(', then ') || 'nobody has to approve it';
}

function others(rules) {
  const unmet = rules.filter((r) => r.result === 'UNMET' && r.why);
  if (unmet.length === 0) return undefined;
  return el('details', '', {}, text('summary', '', 'Why no other rule'), text('ul', 'stack is-tight', unmet.map((r) => el('li', 'small', { key: r.rule }, text('strong', '', r.rule), `: ${r.why}`))));
}

export function span(seconds) {
  for (const [n, unit] of [[86400, 'day'], [3600, 'hour'], [60, 'minute']]) if (seconds % n === 0 && (unit !== 'day' || seconds >= 2 * n)) return plural(seconds / n, unit);
  return plural(seconds, 'second');
}
