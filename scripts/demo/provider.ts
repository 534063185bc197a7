import type { LedgerPage } from '#payment-sandbox/contract.ts';
import type { PlacedOrder } from './customer.ts';
import { type Ask, expectStatus } from './http.ts';
import type { Narrator } from './narrator.ts';
import { inMajor } from './timeline.ts';

/** Charges of exactly so many cents, which the payment sandbox treats in a way of its own. */
export const sandboxAmounts = { isDeclined: 666_402, isHeld: 666_423 } as const;

/** The payment provider, from its own side of the counter. */
export interface Provider {
  /** What moved for an order, as `captured 25.00`. */
  movementsOf(order: PlacedOrder): Promise<readonly string[]>;
  /** What it was told to do wrong whatever it is asked, if it was; that spoils most stories. */
  forcedScenario(): Promise<string | null>;
  /** Lets go of the charges that it holds. */
  release(): Promise<void>;
  /** Closes the key of the first charge of an order, for good: nothing can be charged under it any more. */
  closeChargeOf(order: PlacedOrder): Promise<void>;
}

export function createProvider({ ask, narrator }: { ask: Ask; narrator: Narrator }): Provider {
  return {
    async movementsOf({ id }) {
      const path = `/ledger?reference=${id}`;
      const page = expectStatus(200, `GET ${path}`, await ask<LedgerPage>({ method: 'GET', path }));
      return page.items.map(({ kind, amountMinor }) => `${kind} ${inMajor(amountMinor)}`);
    },
    async forcedScenario() {
      const answer = await ask<{ scenario: string | null }>({ method: 'GET', path: '/scenario' });
      return expectStatus(200, 'GET /scenario', answer).scenario;
    },
    async release() {
      const path = '/scenario/release';
      const { released } = expectStatus(
        200,
        `POST ${path}`,
        await ask<{ released: number }>({ method: 'POST', path }),
      );
      narrator.step('provider', `POST ${path}`, `200 ${released} released`);
    },
    async closeChargeOf({ id }) {
      const path = `/payments/by-key/${encodeURIComponent(`${id}:charge:0`)}/cancel`;
      const { status } = expectStatus(
        200,
        `POST ${path}`,
        await ask<{ status: string }>({ method: 'POST', path }),
      );
      narrator.step('provider', 'POST /payments/by-key/…:charge:0/cancel', `200 ${status}`);
    },
  };
}
