// What was built together: the version of the package, and the core that belongs to it.
// The npm package has the hash and the integrity of that core here; where the core is
// served beside these modules, as in the gateway's dashboard, nothing is pinned.

export const version = '0.1.0';
export const core = { hash: '', integrity: '' };
