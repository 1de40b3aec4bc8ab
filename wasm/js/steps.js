// How a decision goes, as its caller is told: each step once.

import { guard } from './port.js';

const SOON = 250; // ms within which the bridge tells the lines of a prompt that it opened

// steps returns take(step), which tells f, and end(), after which f is told nothing. A
// prompt and its lines are one step. A step comes again only when it says something else,
// such as that the PIN was wrong.
export function steps(f) {
  let last, opened, timer, over = false;
  const tell = (step) => {
    clearTimeout(timer);
    opened = undefined;
    const said = JSON.stringify({ ...step, until: undefined });
    if (over || said === last) return;
    last = said;
    guard(f, step);
  };
  return {
    take(step) {
      if (!step) return;
      if (step.lines) return tell({ ...opened, ...step });
      if (opened) tell(opened);
      if (step.step !== 'on the bridge' || step.of) return tell(step);
      opened = step;
      timer = setTimeout(tell, SOON, step);
    },
    end() { over = true; clearTimeout(timer); },
  };
}
