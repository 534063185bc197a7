import { readLedger } from './evidence.ts';

/** Tells the payment sandbox how to behave, and asks it what it did. */
export function sandboxClient(baseUrl: string) {
  const call = async (method: string, path: string, body?: unknown): Promise<void> => {
    const response = await fetch(`${baseUrl}${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  };
  return {
    /** Every call, or those `operations`, plays the scenario, `remaining` times or until it is lifted. */
    force: (scenario: string, more: { operations?: readonly string[]; remaining?: number } = {}) =>
      call('PUT', '/scenario', { scenario, ...more }),
    lift: () => call('DELETE', '/scenario'),
    /** How many calls wait to be released. */
    async held(): Promise<number> {
      const response = await fetch(`${baseUrl}/scenario`);
      return ((await response.json()) as { held: number }).held;
    },
    releaseHeld: () => call('POST', '/scenario/release'),
    /** What moved for an order: `captured 700`, `refunded 700`, … */
    async movements(orderId: string): Promise<readonly string[]> {
      const entries = (await readLedger(baseUrl)).filter(
        ({ reference, key }) => reference === orderId || key.startsWith(`${orderId}:`),
      );
      return entries.map(({ kind, amountMinor }) => `${kind} ${amountMinor}`);
    },
  };
}
