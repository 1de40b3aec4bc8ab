import { connect } from '@countersign/core';

const find = (selector) => document.querySelector(selector);
const say = (text) => { find('#said').textContent = text; };
const make = (parent, name, text, press) => {
  const element = parent.appendChild(document.createElement(name));
  element.append(text);
  if (press) element.addEventListener('click', () => press().catch((e) => say(`${e.message} ${e.remedy} (${e.code})`)));
  return element;
};

const client = await connect({
  apiUrl: 'https://gateway.example',
  entityId: 'ent_sandbox',
  environment: 'sandbox',
  getAccessToken: async () => (await fetch('/token', { method: 'POST' })).json(),
});

function show(purchase) {
  find('#request').textContent = `Request ${purchase.state}, ${purchase.approvals.length} of ${purchase.needs} approvals `;
  make(find('#request'), 'button', 'Approve', async () => {
    show(await client.approve(purchase.id, { onStep: ({ step, code }) => say(`${step} ${code ?? ''}`) }));
  });
}

const input = { pay: { amount: '250', currency: 'EUR' }, asset: 'ethereum', method: 'card', country: 'FR' };
for (const row of await client.quotes(input)) {
  const name = (row.quote ?? row).provider.name;
  const item = make(find('ul'), 'li', row.state === 'quoted' ? `${name}: ${row.quote.receive} ETH ` : `${name}: ${row.state}`);
  if (row.state === 'quoted') make(item, 'button', 'Request', async () => show(await client.request(row.quote)));
}
