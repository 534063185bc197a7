import type { TestSystem } from './system.ts';
import type { Answer, OrderRequest, Witness } from './witness.ts';

/** An order together with how it has to end, whatever happens on the way. */
export interface Wish {
  readonly request: OrderRequest;
  /** `completed`, or the code of the failure. */
  readonly end: string;
}

/** The sandbox plays a scenario for a charge of exactly this amount; see payment-sandbox/README.md. */
export const magicAmounts = {
  declined: 666_402,
  slow: 666_200,
  failsTwice: 666_503,
  failsAlways: 666_500,
  failsAfterCharging: 666_502,
  hangsUpAfterCharging: 666_499,
  neverAnswersAfterCharging: 666_504,
  isHeld: 666_423,
  keepsTheMoney: 666_409,
  failsTwiceToGiveBack: 666_507,
  failsAfterGivingBack: 666_508,
} as const;

export function line(sku: string, quantity: number, amountMinor: number): OrderRequest['items'][number] {
  return { sku, quantity, unitPrice: { amountMinor, currency: 'EUR' } };
}

const fine = (index: number): Wish => {
  const skuOf = (offset: number): string => `SKU-00${1 + ((index + offset) % 5)}`;
  // Up to three SKUs, in every order: sagas meet on the same rows from all sides.
  const items = Array.from({ length: 1 + (index % 3) }, (_, offset) =>
    line(skuOf(2 * offset), 1 + offset, 1_000 + index),
  );
  return { request: { items }, end: 'completed' };
};
const paying = (amountMinor: number, end: string): Wish => ({
  request: { items: [line('SKU-006', 1, amountMinor)] },
  end,
});
/** Twice as many as there are of it. */
const outOfStock: Wish = {
  request: { items: [line('SKU-007', 1_000_000, 1), line('SKU-007', 1_000_000, 1), line('SKU-001', 1, 1)] },
  end: 'OUT_OF_STOCK',
};
const unknownSku: Wish = {
  request: { items: [line('SKU-001', 1, 5), line('SKU-NONE', 1, 5)] },
  end: 'UNKNOWN_SKU',
};

/** A mixture in which everything occurs that may become of an order; the same one every time. */
export function mixedWishes(count: number): readonly Wish[] {
  const kinds: readonly ((index: number) => Wish)[] = [
    fine,
    () => paying(magicAmounts.declined, 'PAYMENT_DECLINED'),
    fine,
    () => outOfStock,
    () => paying(magicAmounts.failsTwice, 'completed'),
    fine,
    () => unknownSku,
    () => paying(magicAmounts.failsAlways, 'PAYMENT_OUTCOME_UNKNOWN'),
    fine,
    () => paying(magicAmounts.neverAnswersAfterCharging, 'completed'),
  ];
  return Array.from({ length: count }, (_, index) =>
    (kinds[index % kinds.length] as (typeof kinds)[number])(index),
  );
}

/** Places one order that has to be accepted, and gives its id. */
export async function placeOne(witness: Witness, ...items: OrderRequest['items']): Promise<string> {
  const answer = await witness.place({ items });
  if (answer.outcome !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(answer)}`);
  return answer.orderId;
}

/** Places all of them, so many at the same time, and gives the answers in the order of the wishes. */
export async function placeAll(
  witness: Witness,
  wishes: readonly Wish[],
  options: { atOnce?: number; baseUrl?: string; pauseMs?: number } = {},
): Promise<readonly Answer[]> {
  const { atOnce = 10, baseUrl, pauseMs = 0 } = options;
  const answers: Answer[] = [];
  let next = 0;
  const client = async (): Promise<void> => {
    for (let index = next++; index < wishes.length; index = next++) {
      answers[index] = await witness.place((wishes[index] as Wish).request, baseUrl);
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, client));
  return answers;
}

/** How the orders behind these answers ended, in the terms of {@link Wish.end}; `undefined` where there is none. */
export async function endsOf(
  { orderDatabase }: TestSystem,
  answers: readonly Answer[],
): Promise<readonly (string | undefined)[]> {
  const { rows } = await orderDatabase.pool.query<{ id: string; end: string }>(
    `SELECT id, coalesce(failure ->> 'code', status::text) AS end FROM orders`,
  );
  const ends = new Map(rows.map(({ id, end }) => [id, end]));
  return answers.map((answer) => (answer.outcome === 'accepted' ? ends.get(answer.orderId) : undefined));
}
