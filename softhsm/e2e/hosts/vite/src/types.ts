// What the packages' types allow and refuse. Nothing imports this: tsc reads it.
import { connect, type Countersign, type Environment, type Options, type Purchase, type Quote, type Step } from '@countersign/core';
import '@countersign/core/elements';
import '@countersign/core/send';
import '@countersign/core/vault';
import type { VaultForm, VaultPlace } from '@countersign/core/vault';
import type { CountersignProviderProps } from '@countersign/react';

export const environments: Environment[] = ['sandbox', 'production', 'development'];
export const same: CountersignProviderProps['environment'] = 'sandbox' as Options['environment'];
// @ts-expect-error: there is no such environment
export const other: Options['environment'] = 'test';

export async function client(options: Options): Promise<Countersign> {
  const client = await connect(options);
  client.on('approved', (purchase: Purchase) => { console.log(purchase.state === 'ready', purchase.have); });
  // @ts-expect-error: an order is no purchase
  client.on('ordered', (purchase: Purchase) => { console.log(purchase.have); });
  return client;
}

export function elements(): void {
  const list = document.createElement('countersign-requests');
  list.pageSize = 20;
  list.environment = 'development';
  // @ts-expect-error: there is no such environment
  list.environment = 'test';
  document.addEventListener('countersign-quote' satisfies keyof HTMLElementEventMap, () => undefined);
  document.createElement('countersign-quotes').addEventListener('countersign-quote', (e) => {
    const quote: Quote = e.detail;
    console.log(quote.provider.name, quote.receive);
  });
  list.addEventListener('countersign-step', (e) => {
    const step: Step['step'] = e.detail.step;
    console.log(step === 'connecting' || step === 'pairing');
  });
}

export async function send(client: Countersign): Promise<void> {
  const cost = await client.transferCost({ account: 'acc_treasury', asset: 'ethereum' });
  const transfer = await client.transfer({ account: 'acc_treasury', asset: 'ethereum', amount: '1.5', to: '0x52908400098527886E0F7030069857D2E4169EE7', maxFee: { amount: cost.speeds.slow, asset: cost.coin } }, { key: 'once' });
  const { sending } = await client.purchase(transfer.id);
  console.log(transfer.state === 'sending', sending?.state === 'included' && sending.confirmations < sending.needed, sending?.attempts[0]?.fees.maxFeePerGas);
  // @ts-expect-error: there is no such state
  console.log(sending?.state === 'lost');
  // @ts-expect-error: an amount is text
  await client.transfer({ account: 'acc_treasury', asset: 'ethereum', amount: 1.5, to: '0x', maxFee: { amount: '1', asset: 'ethereum' } });
  const element = document.createElement('countersign-send');
  element.account = 'acc_treasury';
  element.addEventListener('countersign-requested', (e) => console.log(e.detail.send?.amount, e.detail.to));
}

export function vault(): void {
  const element = document.createElement('countersign-vault');
  element.at = 'change_acc_treasury';
  element.verifyUrl = '/verify.wasm';
  const here: string = element.at, form: VaultForm = 'suspend_mem_bob', places: VaultPlace[] = ['', 'log', 'grp_board', form];
  console.log(here, places);
  // @ts-expect-error: there is no such place
  element.at = 'nowhere';
  // @ts-expect-error: a group is not suspended
  element.at = 'suspend_grp_board';
  const app = document.createElement('countersign-app');
  app.vault = true;
  app.navigate(`/vault/${form}`);
}
