// A place in which screens stand that the core does not paint: they come when somebody opens them. Used by
// the dashboard and by <countersign-app>.

import { fail } from './errors.js';
import { Painter } from './painter.js';
import { failurePicture, skeletonPicture } from './waiting.js';

const LATE = 15_000; // ms within which a page that says that it has some screens loads them
const offers = new Map(); // name → { module, come, coming }

function offerOf(name) {
  if (!offers.has(name)) {
    const offer = {};
    offer.coming = new Promise((resolve) => { offer.come = resolve; });
    offers.set(name, offer);
  }
  return offers.get(name);
}

/** offer is told the module with the screens of a name by whoever imports it: a package that imports while it runs
 *  does not work in every host. */
export function offer(name, module) {
  const to = offerOf(name);
  to.module = module;
  to.come(module);
}

/** isOffered reports whether a page has the screens of a name. */
export const isOffered = (name) => offerOf(name).module !== undefined;

/** whenOffered is the module, as soon as the page has loaded it. */
export function whenOffered(name) {
  const { module, coming } = offerOf(name);
  if (module) return Promise.resolve(module);
  return Promise.race([coming, new Promise((_, reject) => { setTimeout(() => reject(new Error(`the page has not loaded the screens of ${name}`)), LATE); })]);
}

/** placed paints a part into an element, and returns what the painter lends: { show(at), stop() }. load gives the module, and name
 *  the class in it; ask is a promise of that of ask.js; hear(f) has f told what the core tells, and returns what ends that; the
 *  others are those of the part. */
export function placed(place, { load, name, ask, hear, ...of }) {
  let part, off, at = '', ended = false;
  const painter = new Painter(place, () => again(), { routing: false });
  const again = () => {
    painter.paint(skeletonPicture());
    Promise.all([load(), ask]).then(([{ [name]: Part }, asks]) => {
      if (ended) return;
      part = new Part(place, { ask: asks, ...of });
      off = hear((type, detail) => part.hear(type, detail));
      part.show(at);
    }).catch((e) => painter.paint(failurePicture(fail('CORE_UNREACHABLE', e.message, { cause: e }))));
  };
  again();
  return { show: (to) => { at = to; part?.show(to); }, stop: () => { ended = true; off?.(); part?.stop(); painter.stop(); } };
}
