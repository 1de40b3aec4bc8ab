// A place in which the vault's screens stand: they come when somebody opens them. Used by the
// dashboard and by <countersign-app>.

import { fail } from './errors.js';
import { Painter } from './painter.js';
import { failurePicture, skeletonPicture } from './waiting.js';

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
