import { newId } from '../kernel/ids.ts';

/** Header of requests and key of metadata that carries a correlation id, both ways. */
export const correlationHeader = 'x-correlation-id';

const pattern = /^[\w.:-]{1,128}$/;

/** What a caller gave, if it can go through events and logs as it is; otherwise a new one. */
export function correlationIdFrom(given: unknown): string {
  return typeof given === 'string' && pattern.test(given) ? given : newId();
}
