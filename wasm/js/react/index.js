// Countersign as React components and hooks, on top of @countersign/core.

export { CountersignError } from '@countersign/core';
export { CountersignProvider } from './provider.js';
export { useApproval, useBridge, useCountersign, useQuotes, useRequest } from './hooks.js';
