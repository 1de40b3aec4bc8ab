// The icons: 20 × 20, drawn with one stroke in the colour of the text. They
// only ever repeat what a word beside them says, so readers skip them.

const PATHS = {
  buy: 'M10 4v12M4 10h12',
  send: 'M5 15L15 5M7.5 5H15v7.5',
  requests: 'M3 11l2.2-6.2A1.2 1.2 0 0 1 6.3 4h7.4a1.2 1.2 0 0 1 1.1.8L17 11v4a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1zM3 11h4l1 2h4l1-2h4',
  orders: 'M5 3h10v14l-2.5-1.5L10 17l-2.5-1.5L5 17zM8 7h4M8 10.5h4',
  accounts: 'M3 6.5A1.5 1.5 0 0 1 4.5 5h11A1.5 1.5 0 0 1 17 6.5v7a1.5 1.5 0 0 1-1.5 1.5h-11A1.5 1.5 0 0 1 3 13.5zM3 8.5h14M13 12h1',
  vault: 'M4.5 3.5h11a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1h-11a1 1 0 0 1-1-1v-10a1 1 0 0 1 1-1zM10 6.5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM10 6.5v1.6M10 10.9v1.6M7 9.5h1.6M11.4 9.5H13M5.5 15.5V17M14.5 15.5V17',
  check: 'M4.5 10.5l3.5 3.5 7.5-8',
  cross: 'M5 5l10 10M15 5L5 15',
  minus: 'M5 10h10',
  alert: 'M10 3.5l7.2 12.5H2.8zM10 8v4M10 13.9v.1',
  info: 'M10 2.8a7.2 7.2 0 1 0 0 14.4 7.2 7.2 0 0 0 0-14.4zM10 9v4.5M10 6.4v.1',
  clock: 'M10 2.8a7.2 7.2 0 1 0 0 14.4 7.2 7.2 0 0 0 0-14.4zM10 6v4.2l2.6 1.6',
  copy: 'M8 7.5h7a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1H8a1 1 0 0 1-1-1v-7a1 1 0 0 1 1-1zM4.5 12.5H4a1 1 0 0 1-1-1V4.5a1 1 0 0 1 1-1h7a1 1 0 0 1 1 1V5',
  chevron: 'M8 5l5 5-5 5',
  back: 'M12 5l-5 5 5 5',
  download: 'M10 3.5v8.5M6.2 8.8L10 12.6l3.8-3.8M4 16.5h12',
  down: 'M5 8l5 5 5-5',
  up: 'M5 12l5-5 5 5',
  external: 'M8.5 5H5a1 1 0 0 0-1 1v9a1 1 0 0 0 1 1h9a1 1 0 0 0 1-1v-3.5M11 4h5v5M16 4l-7 7',
  lock: 'M6 9h8a1.5 1.5 0 0 1 1.5 1.5v4A1.5 1.5 0 0 1 14 16H6a1.5 1.5 0 0 1-1.5-1.5v-4A1.5 1.5 0 0 1 6 9zM7 9V6.5a3 3 0 0 1 6 0V9',
  key: 'M12.5 3.5a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM9.5 10.5L3.5 16.5M5 15l2 2M13 7v.1',
  device: 'M7 8h6v7.5a1.5 1.5 0 0 1-1.5 1.5h-3A1.5 1.5 0 0 1 7 15.5zM8 8V3.5h4V8M10 12v1.5',
  shield: 'M10 2.8l6 2.2v4.5c0 3.7-2.5 6.4-6 7.7-3.5-1.3-6-4-6-7.7V5zM7.3 9.9l2 2 3.4-3.8',
  bridge: 'M3 13c3.5 0 3.5-5 7-5s3.5 5 7 5M3 16h14M6.5 11v5M13.5 11v5M10 8v8',
  refresh: 'M15.8 8A6.2 6.2 0 0 0 4.6 6.6M4.2 12a6.2 6.2 0 0 0 11.2 1.4M4.3 3.5v3.3h3.3M15.7 16.5v-3.3h-3.3',
  pause: 'M7 5v10M13 5v10',
  play: 'M7 4.5l8 5.5-8 5.5z',
  history: 'M4.5 6.5A6.8 6.8 0 1 1 3.2 10M3.8 3.5v3.3h3.3M10 6.5V10l2.5 1.5',
  user: 'M10 3.5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM4 16.5c.6-3 2.9-4.5 6-4.5s5.4 1.5 6 4.5',
  users: 'M7.5 4a2.7 2.7 0 1 0 0 5.4 2.7 2.7 0 0 0 0-5.4zM2.5 15.5c.5-2.6 2.3-3.9 5-3.9s4.5 1.3 5 3.9M13 4.2a2.7 2.7 0 0 1 0 5M14.7 11.9c1.6.5 2.5 1.7 2.8 3.6',
  arrow: 'M4 10h12M11 5l5 5-5 5',
  tag: 'M3.5 4.5v5l7 7 6-6-7-7h-5a1 1 0 0 0-1 1zM7 7v.1',
  bank: 'M3 8l7-4.5L17 8zM4.5 8v6.5M8 8v6.5M12 8v6.5M15.5 8v6.5M3 16.5h14',
  wifi: 'M2.5 8a11 11 0 0 1 15 0M5 11a7.3 7.3 0 0 1 10 0M7.5 13.8a3.6 3.6 0 0 1 5 0M10 16.5v.1',
  keyboard: 'M3.5 5.5h13a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1h-13a1 1 0 0 1-1-1v-7a1 1 0 0 1 1-1zM5.5 8.5v.1M8.5 8.5v.1M11.5 8.5v.1M14.5 8.5v.1M6.5 11.7h7',
};

export const ICONS = Object.keys(PATHS);

// icon makes the picture called name; an unknown name gives an empty one.
export function icon(name, className = '') {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('class', `icon ${className}`.trim());
  svg.setAttribute('viewBox', '0 0 20 20');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', PATHS[name] ?? '');
  svg.append(path);
  return svg;
}
