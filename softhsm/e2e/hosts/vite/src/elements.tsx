// What the types of elements in JSX allow and refuse. Nothing imports this: tsc reads it.
import type { CountersignProviderProps } from '@countersign/react';

export const all = (
  <>
    <countersign-app vault send chrome="none" amount="250" oncountersign-navigated={(e) => console.log(e.detail.route)} />
    <countersign-vault at="members" verify-url="/verify.wasm" oncountersign-selected={(e) => console.log(e.detail.request)} />
    <countersign-send account="acc_treasury" oncountersign-requested={(e) => console.log(e.detail.id)} />
    <countersign-quotes amount="250" currency="EUR" hold="" locale="de" />
    <countersign-approve request="req_a" member="mem_alice" oncountersign-approved={(e) => console.log(e.detail.have)} />
    <countersign-requests state="decide" search="Northpay" page-size="20" />
    <countersign-order request="req_a" oncountersign-delivered={(e) => console.log(e.detail.delivered)} />
    <countersign-bridge-status oncountersign-bridge={(e) => console.log(e.detail.problem)} />
    {/* @ts-expect-error: a place is text */}
    <countersign-vault at={5} />
    {/* @ts-expect-error: there is no such attribute */}
    <countersign-app vaults />
  </>
);

export const flat: CountersignProviderProps['theme'] = { primary: { hex: '#511320' }, text: '#511320' };
export const nested: CountersignProviderProps['theme'] = { colors: { primary: { hex: '#511320' }, error: '#b22222', text: { primary: '#511320' } }, typography: {} };
// @ts-expect-error: there is no such colour
export const other: CountersignProviderProps['theme'] = { error: '#b22222' };
