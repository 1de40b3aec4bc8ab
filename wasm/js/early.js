// What the page shows and takes before the core is there. The pictures are those of
// the core's own views, made when it was built (wasm/first); what the person does
// meanwhile is kept and handed to the core, in order, once it runs.

const MOST = 200; // of what the person does; more is a key held down

export class Early {
  #pictures; #painter; #kept = []; #painted = false;

  // pictures is FIRST of first.js for an environment, or nothing: then nothing is shown and kept.
  constructor(pictures, painter) { this.#pictures = pictures; this.#painter = painter; }

  // show puts the picture of a path on screen; false when there is none.
  show(path) {
    const picture = this.#pictures?.[path] ?? this.#pictures?.[path.replace(/^(\/[a-z]+)\/.+$/, '$1/*')] ?? (path === '/' ? this.#pictures?.['/buy'] : undefined);
    if (!picture) return false;
    this.#painter.paint(picture);
    return this.#painted = true;
  }

  get shown() { return this.#painted; }

  // keep takes what the person did; true when it waits for the core.
  keep(action, value) {
    if (!this.#painted) return false;
    const to = /^navigate:(\/[^?]*)/.exec(action)?.[1];
    if (to) this.show(to);
    // A field's last text counts, and a form is asked for once; a switch that is pressed twice is as before.
    const last = /^buy\.(field:|ask$)/.test(action) ? this.#kept.findIndex(([a]) => a === action) : -1;
    if (last >= 0) this.#kept.splice(last, 1);
    if (this.#kept.length < MOST) this.#kept.push([action, value]);
    return true;
  }

  // hand gives the core what was kept, once.
  hand(dispatch) {
    const kept = this.#kept;
    this.#kept = [];
    this.#painted = false;
    for (const [action, value] of kept) dispatch(action, value);
  }
}
