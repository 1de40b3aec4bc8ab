// A draft is what a person has typed into a form so far: texts, lists and flags, which a
// form makes an intent of. Its parts are named by paths, "entries.0.address", which are also the
// names of fields in the gateway's refusals. Pure.

/** get is the part of a draft at a path; undefined where there is none. */
export const get = (draft, path) => path.split('.').reduce((at, name) => at?.[name], draft);

/** set is the draft with another part at a path. */
export function set(draft, path, value) {
  const [name, ...rest] = path.split('.'), copy = Array.isArray(draft) ? [...draft] : { ...draft };
  copy[name] = rest.length > 0 ? set(copy[name] ?? {}, rest.join('.'), value) : value;
  return copy;
}

/** without is a list without the element at a place. */
export const without = (all, i) => all.filter((_, at) => at !== i);

/** moved is a list whose element at a place stands earlier (by -1) or later. */
export function moved(all, i, by) {
  const to = i + by, copy = [...all];
  if (to < 0 || to >= all.length) return all;
  [copy[i], copy[to]] = [copy[to], copy[i]];
  return copy;
}

/** toggled is a list with a value that it did not have, or without it. */
export const toggled = (all, value) => (all.includes(value) ? all.filter((v) => v !== value) : [...all, value]);

// parted is where a path ends: the list or thing around, and the last name.
const parted = (path) => { const i = path.lastIndexOf('.'); return [path.slice(0, i), path.slice(i + 1)]; };

/** edited is the draft after an action of a control: set:PATH, flag:PATH, toggle:PATH:VALUE, remove:PATH.N, up:PATH.N,
 *  down:PATH.N. undefined for another action. */
export function edited(draft, action, value) {
  const [name, path = '', ...more] = action.split(':'), [list, last] = parted(path);
  switch (name) {
    case 'set': return set(draft, path, value);
    case 'flag': return set(draft, path, value === 'true');
    case 'toggle': return set(draft, path, toggled(get(draft, path) ?? [], more.join(':')));
    case 'remove': return set(draft, list, without(get(draft, list), Number(last)));
    case 'up': case 'down': return set(draft, list, moved(get(draft, list), Number(last), name === 'up' ? -1 : 1));
    default: return undefined;
  }
}

/** idFrom is the id of a kind that a name suggests, which nothing has yet: "Night shift" is grp_nightshift. */
export function idFrom(kind, name, taken) {
  const plain = name.normalize('NFKD').toLowerCase().replace(/[^a-z0-9]/g, '').slice(0, 36);
  if (plain.length < 3) return '';
  for (let n = 1; ; n++) {
    const id = `${kind}_${plain}${n === 1 ? '' : n}`;
    if (!taken.includes(id)) return id;
  }
}

export const isID = (kind, id) => new RegExp(`^${kind}_[a-z0-9]{3,40}$`).test(id);

/** whole is a number that was typed; NaN for what is not one. */
export const whole = (typed) => (/^\d{1,9}$/.test(typed.trim()) ? Number(typed) : NaN);

const UNITS = { days: 86400, hours: 3600, minutes: 60, seconds: 1 };

/** spanOf is a number of seconds as a person writes it: { n: "24", unit: "hours" }; empty for none. */
export function spanOf(seconds) {
  if (!seconds) return { n: '', unit: 'hours' };
  const [unit, one] = Object.entries(UNITS).find(([unit, one]) => seconds % one === 0 && (unit !== 'days' || seconds >= 2 * one));
  return { n: String(seconds / one), unit };
}

/** secondsOf is a span in seconds: 0 for an empty one, NaN for what is not a number. */
export const secondsOf = ({ n, unit }) => (n.trim() === '' ? 0 : whole(n) * UNITS[unit]);

export const SPANS = Object.keys(UNITS);

/** kept is an object without fields that are empty: undefined, "", 0, false and empty lists. */
export const kept = (o) => Object.fromEntries(Object.entries(o).filter(([, v]) => v && !(Array.isArray(v) && v.length === 0)));
