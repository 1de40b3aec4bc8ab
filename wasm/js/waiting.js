// What is shown before the core paints, and when it cannot: pictures for the painter.

const SAID = {
  WEBASSEMBLY_MISSING: ['This browser has WebAssembly switched off', 'Countersign needs it to run. Nothing was loaded and nothing was sent. Use a current browser, or allow WebAssembly for this page.'],
  CORE_UNREACHABLE: ['The page could not be loaded completely', 'The connection broke off or the server did not answer. Nothing was sent or changed. Check the connection and try again.'],
  CSP_BLOCKS_WASM: ['The page does not let its program start', "The page's content security policy lacks 'wasm-unsafe-eval'. Nothing was sent or changed. Tell whoever runs this page."],
  CORE_DAMAGED: ['What was loaded is damaged', 'The program did not arrive as it was sent, so it was not started. Nothing was sent or changed. Try again; if it stays like this, tell whoever runs this page.'],
  START_FAILED: ['The page could not start', 'Nothing was sent or changed. Try again, or reload the page.'],
  CORE_STOPPED: ['The page stopped unexpectedly', 'It stopped twice in a minute, so it was not started again by itself. What was already approved or ordered is safe on the server; nothing is sent twice.'],
  CONFIG_FAILED: ['The server does not answer', 'The page could not read how to sign in. Nothing was sent or changed. Try again in a moment.'],
};
SAID.CORE_NOT_SERVED = SAID.CORE_UNREACHABLE;

// failurePicture says why there is no core. Of a page it is the main part, of an
// element a notice like any other.
export function failurePicture({ code, message, remedy }, page) {
  const [title, text] = SAID[code] ?? [message, remedy ?? ''];
  return {
    announce: title,
    tree: [page ? 'main' : 'div', { class: page ? 'loader' : 'stack', key: 'failure' }, [
      page && ['span', { class: 'brand-mark' }],
      ['div', { class: 'notice is-negative', role: 'group' }, [
        ['icon', { name: 'alert' }],
        ['div', { class: 'notice-body' }, [
          [page ? 'h1' : 'p', { class: 'notice-title' }, [title]],
          text && ['p', {}, [text]],
          ['p', { class: 'code' }, [message && message !== title ? `${code}: ${message}` : code]],
          ['div', { class: 'notice-actions' }, [['button', { class: page ? 'button' : 'button is-small', on: { click: 'loader:retry' }, focus: page }, [['icon', { name: 'refresh' }], 'Try again']]]],
        ]],
      ]],
    ]],
  };
}

export function loadingPicture(text) {
  return {
    tree: ['main', { class: 'loader', key: 'loading' }, [
      ['span', { class: 'brand-mark' }],
      ['p', {}, [text]],
      ['progress', { class: 'progress', 'aria-label': 'Loading' }],
    ]],
  };
}

// skeletonPicture holds the place of an element that has not loaded yet.
export const skeletonPicture = () => ({
  tree: ['div', { class: 'stack', key: 'skeleton', 'aria-busy': 'true' }, [
    ['span', { class: 'visually-hidden' }, ['Loading']],
    ...[1, 2, 3].map((key) => ['span', { class: 'skeleton is-block', key }]),
  ]],
});

// leave goes to an address that the core names; a path is of the gateway. A new tab
// cannot reach back. False: the browser allows no new tab now.
export function leave({ url, new_tab: newTab }, gateway = '') {
  const to = new URL(gateway + url, location.href);
  if (!/^https?:$/.test(to.protocol)) return false;
  if (!newTab) { location.assign(to); return true; }
  const tab = window.open(to, '_blank');
  if (!tab) return false;
  tab.opener = null;
  return true;
}
