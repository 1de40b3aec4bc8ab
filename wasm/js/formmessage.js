// A message that the key of an account is to sign: a text, bytes, or typed data of another program.

import { area, choice } from './controls.js';
import { objectOf, saidOf } from './formparts.js';
import { el, fact, notice, text } from './nodes.js';
import { typedOf } from './typed.js';

const FORMS = [['typed', 'Typed data (EIP-712)'], ['text', 'A text'], ['hex', 'Bytes that are not text']];
const name = (vault, id) => vault.accounts.find((a) => a.id === id)?.name ?? id;

export const messageSign = {
  who: 'approvers', foot: 'Nothing is signed yet: it becomes a request, which approvers read field by field in their own bridge.',
  title: ({ draft, vault }) => `Sign a message as ${name(vault, draft.account)}`,
  lead: () => 'The key of the account signs it once members have approved it. A rule of the account must name messages: none does until administrators write one.',
  begin(at, vault) {
    const a = vault.accounts.find((one) => one.id === objectOf(at));
    return a && { version: undefined, draft: { account: a.id, form: 'typed', typed: '', text: '', hex: '' } };
  },
  back: ({ account }) => `/vault/${account}`,
  fields(f) {
    const { draft } = f, read = draft.form === 'typed' && draft.typed.trim() !== '' && typedOf(draft.typed);
    return [
      choice(f, 'form', 'What is signed', FORMS),
      draft.form === 'typed' && area(f, 'typed', 'Typed data', { hint: 'Paste it as the program gives it: an object of types, primaryType, domain and message, in JSON. Its domain names the account’s chain.', rows: '12' }),
      draft.form === 'text' && area(f, 'text', 'Text', { hint: 'It is signed as it stands here, each line and each space.', rows: '6' }),
      draft.form === 'hex' && area(f, 'hex', 'Bytes', { hint: '0x and hexadecimal digits. Not 32 bytes, which would be a digest: nobody can read what it stands for.', rows: '3' }),
      draft.form !== 'text' && notice('is-warning', 'alert', 'Signing it may give away what the account holds', 'Only its contract knows what it allows. Approvers read what is known of it, such as an allowance, before its fields.'),
      read?.lines && preview(read),
    ];
  },
  check({ form, typed, text: said, hex }) {
    if (form === 'text') return said === '' ? [{ field: 'text', message: 'Write the text' }] : /[\u2028\u2029]/.test(said) ? [{ field: 'text', message: 'It has a separator of lines that nobody sees (U+2028): write a line feed' }] : [];
    if (form === 'hex') return /^0x([0-9a-fA-F]{2})+$/.test(hex.trim()) ? [] : [{ field: 'hex', message: 'Write 0x and hexadecimal digits, two for each byte' }];
    if (typed.trim() === '') return [{ field: 'typed', message: 'Paste the typed data' }];
    const { wrong } = typedOf(typed);
    return wrong ? [{ field: 'typed', message: wrong }] : [];
  },
  intent: (draft) => ({
    kind: 'message', v: 1, account: draft.account, account_name: '', chain: '', address: '',
    ...(draft.form === 'text' && { text: draft.text }), ...(draft.form === 'hex' && { hex: draft.hex.trim().toLowerCase() }), ...(draft.form === 'typed' && { typed_data: typedOf(draft.typed).data }), ...saidOf(draft),
  }),
  placed: (at, { form }) => (at?.startsWith('typed_data') ? 'typed' : at === '' || at === undefined ? form : at),
};

// preview are the fields as they were read, the domain first. Approvers read those of the vault.
const preview = ({ lines, primary }) => el('section', 'stack is-tight', { key: 'preview', 'aria-label': 'What was pasted' }, text('p', 'eyebrow', `What was pasted: ${primary}`),
  text('dl', 'facts is-lines', lines.map(([path, type, value]) => fact(text('span', 'mono', path), text('span', 'muted', type), ' ', el('span', 'mono', { translate: 'no' }, value)))));
