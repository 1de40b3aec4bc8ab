// What no page may have: a secret of the developer, told by its name or by its form.

import { fail } from './errors.js';

const NAME = /^((api|developer)[-_]?(key|secret)|secret)$/i;
const FORM = /^(ol|cs)_(test|live)_/;

// secretName is the first of the names that a secret has; undefined when there is none.
export const secretName = (names) => names.find((name) => NAME.test(name));

// isSecret reports whether a text has the form of an API key.
export const isSecret = (text) => FORM.test(text);

/** refuseSecrets throws SECRET_IN_PAGE when there is a secret among the options. */
export function refuseSecrets(options) {
  const { accessToken } = options;
  const found = secretName(Object.keys(options).filter((name) => options[name] !== undefined)) ??
    (isSecret(accessToken?.access_token ?? accessToken ?? '') ? 'accessToken' : undefined);
  if (found) throw fail('SECRET_IN_PAGE', `${found} is a secret of your back end: everybody who opens the page could read it`, { field: found });
}
