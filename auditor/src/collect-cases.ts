import type { OrderCase } from './order-case.ts';
import type { DeadLetters } from './witnesses/dead-letters.ts';
import type { Ledger } from './witnesses/ledger.ts';
import type { OrderDatabase } from './witnesses/order-database.ts';
import type { ProcessorDatabase } from './witnesses/processor-database.ts';

/** Whom the auditor asks. None of them is changed by it. */
export interface Witnesses {
  readonly orders: OrderDatabase;
  readonly processor: ProcessorDatabase;
  readonly ledger: Ledger;
  /** As the broker's operator. */
  readonly brokerUrl: string;
  readonly deadLetters: () => Promise<DeadLetters>;
}

/** What was learned about everything at once; `null`: it could not be asked. */
export interface Context {
  readonly letters: DeadLetters | null;
  readonly hasLedger: boolean;
  /** Ids of the messages by which operators replaced others, by order. */
  readonly edits: ReadonlyMap<string, readonly string[]>;
}

/** Asks everybody about these orders; at most some hundreds at a time. */
export async function collectCases(
  { orders, processor, ledger }: Witnesses,
  ids: readonly string[],
  { letters, hasLedger, edits }: Context,
): Promise<readonly OrderCase[]> {
  // From the end to the beginning of what happens to an order: nobody is heard of who has not been asked yet.
  const paid = hasLedger ? await ledger.about(ids) : undefined;
  const sagas = new Map((await processor.read(ids)).map((evidence) => [evidence.id, evidence]));
  return (await orders.read(ids)).map((inOrders) => {
    const { id } = inOrders;
    return {
      id,
      inOrders,
      inProcessor: sagas.get(id) ?? { id, saga: null, reservations: [], announced: [] },
      ledger: paid ? (paid.get(id) ?? []) : null,
      letters: letters ? (letters.get(id) ?? []) : null,
      edits: edits.get(id) ?? [],
    };
  });
}
