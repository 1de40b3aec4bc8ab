// A place in which the vault's screens stand: they come when somebody opens them. Used by the
// dashboard and by <countersign-app>.

import { fail } from './errors.js';
import { Painter } from './painter.js';
import { failurePicture, skeletonPicture } from './waiting.js';

const LATE = 15_000; // ms within which a page that says that it has the screens loads them
let come, offered;
const coming = new Promise((resolve) => { come = resolve; });

/** offer is told the module with VaultPart by whoever imports it: a package that imports while it runs does not
 *  work in every host. */
export function offer(module) {
  offered = module;
  come(module);
}

/** isOffered reports whether a page has the vault's screens. */
export const isOffered = () => offered !== undefined;

/** whenOffered is the module, as soon as the page has loaded it. */
export function whenOffered() {
  const late = new Promise((_, reject) => { setTimeout(() => reject(new Error("the page has not loaded the vault's screens")), LATE); });
  return offered ? Promise.resolve(offered) : Promise.race([coming, late]);
}

/** vaultPlace paints into an element, and returns what the painter lends: { show(at), stop() }. load gives the module with
 *  VaultPart; ask is a promise of that of ask.js; hear(f) has f told what the core tells, and returns what ends that; the others
 *  are those of VaultPart. */
export function vaultPlace(place, { load, ask, hear, ...of }) {
  let part, off, at = '', ended = false;
  const painter = new Painter(place, () => again(), { routing: false });
  const again = () => {
    painter.paint(skeletonPicture());
    Promise.all([load(), ask]).then(([{ VaultPart }, asks]) => {
      if (ended) return;
      part = new VaultPart(place, { ask: asks, ...of });
      off = hear((type, detail) => part.hear(type, detail));
      part.show(at);
    }).catch((e) => painter.paint(failurePicture(fail('CORE_UNREACHABLE', e.message, { cause: e }))));
  };
  again();
  return { show: (to) => { at = to; part?.show(to); }, stop: () => { ended = true; off?.(); part?.stop(); painter.stop(); } };
}
