import { type LedgerEntry, ledgerPageSchema } from '#payment-sandbox/contract.ts';

const pageSize = 1_000;
const timeoutMs = 10_000;
const atOnce = 20;

export type Ledger = ReturnType<typeof createLedger>;

/** The provider's own account of the money, over its API. Rejects when the provider cannot be asked. */
export function createLedger(baseUrl: string) {
  async function* entries(reference?: string): AsyncGenerator<readonly LedgerEntry[]> {
    const about = reference === undefined ? '' : `&reference=${encodeURIComponent(reference)}`;
    for (let cursor: string | null = '0'; cursor !== null; ) {
      const url = `${baseUrl}/ledger?limit=${pageSize}&cursor=${cursor}${about}`;
      const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
      if (!response.ok) throw new Error(`the ledger answers ${response.status}`);
      const page = ledgerPageSchema.parse(await response.json());
      yield page.items;
      cursor = page.nextCursor;
    }
  }

  return {
    /** Whether it answers. */
    async ping(): Promise<true> {
      const response = await fetch(`${baseUrl}/ledger/summary`, { signal: AbortSignal.timeout(timeoutMs) });
      if (!response.ok) throw new Error(`the ledger answers ${response.status}`);
      return true;
    },
    /** Everything, page by page, oldest first. */
    entries: () => entries(),
    /** What it knows about each of these orders. */
    async about(orderIds: readonly string[]): Promise<ReadonlyMap<string, readonly LedgerEntry[]>> {
      const found = new Map<string, LedgerEntry[]>();
      const waiting = [...orderIds];
      await Promise.all(
        Array.from({ length: atOnce }, async () => {
          for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
            const theirs: LedgerEntry[] = [];
            for await (const page of entries(id)) theirs.push(...page);
            found.set(id, theirs);
          }
        }),
      );
      return found;
    },
  };
}
