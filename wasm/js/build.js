// What was built together: the version of the package, the core that belongs to it, and the
// module that verifies receipts. The npm package has their hashes and integrity here; where the core is
// served beside these modules, as in the gateway's dashboard, nothing is pinned.

export const version = '0.1.0';
export const core = { hash: '', integrity: '' };
export const verify = { hash: '', integrity: '' };
