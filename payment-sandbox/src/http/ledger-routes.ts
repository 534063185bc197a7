import { z } from 'zod';
import { ledgerPageSchema, ledgerSummarySchema } from '../contract.ts';
import type { Ledger } from '../ledger.ts';
import type { SandboxApp } from './sandbox-app.ts';

const pageQuerySchema = z.object({
  reference: z.string().optional(),
  cursor: z.coerce
    .number()
    .int()
    .nonnegative()
    .default(0)
    .describe('Read on behind this sequence number: `nextCursor`, or the `seq` of the last entry seen'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});

/** The auditor's side: what really happened to the money. No scenario disturbs it. */
export function ledgerRoutes(app: SandboxApp, { ledger }: { ledger: Ledger }): void {
  app.get(
    '/ledger',
    {
      schema: {
        summary: 'The append-only ledger, oldest entry first',
        querystring: pageQuerySchema,
        response: { 200: ledgerPageSchema },
      },
    },
    async ({ query: { cursor, limit, reference } }) => {
      const page = ledger.page({ after: cursor, limit, reference });
      await ledger.durable();
      return page;
    },
  );

  app.get(
    '/ledger/summary',
    {
      schema: {
        summary: 'Counts and sums for an audit',
        response: { 200: ledgerSummarySchema },
      },
    },
    async () => {
      const summary = ledger.summary();
      await ledger.durable();
      return summary;
    },
  );
}
