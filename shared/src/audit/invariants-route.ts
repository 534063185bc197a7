import { z } from 'zod';
import { problems } from '../http/problem.ts';
import type { HttpServer } from '../http/server.ts';
import type { AuditStore } from './audit-store.ts';
import type { Check } from './check.ts';
import type { Feed } from './feeds.ts';
import { type InvariantId, invariantIds, invariants } from './invariants.ts';

const mostFindings = 1_000;
const time = z.iso.datetime().nullable();

const invariantsResource = z
  .object({
    lastRunAt: time.describe('When the last run ended; null: none has'),
    ordersChecked: z.int().describe('Looks at an order, in all runs'),
    coverage: z
      .array(
        z.object({
          name: z.string(),
          covers: z.string(),
          until: time.describe('How far it has come in this round'),
          completedAt: time.describe('When it last came to its end'),
        }),
      )
      .describe('The ways on which the auditor goes through the orders'),
    invariants: z.array(
      z.object({
        invariant: z.enum(invariantIds),
        promise: z.string(),
        status: z
          .enum(['holds', 'broken', 'untold'])
          .describe('untold: the database of this service cannot tell'),
        compares: z.array(z.string()).describe('What is compared here'),
        findings: z.int().describe('Counted up to 10000 over all invariants'),
      }),
    ),
    findings: z
      .array(
        z.object({
          invariant: z.enum(invariantIds),
          subject: z.string().describe('The order, or the SKU'),
          what: z.string(),
          firstSeenAt: z.iso.datetime(),
          lastSeenAt: z.iso.datetime(),
        }),
      )
      .describe(`The oldest first, ${mostFindings} at most`),
  })
  .meta({ id: 'Invariants' });

/** What is compared with what, and for which invariant. */
export type Comparison = Pick<Check<never>, 'invariant' | 'compares'>;

/** The invariants that these comparisons tell something about. */
export function toldBy(comparisons: readonly Comparison[]): readonly InvariantId[] {
  return invariantIds.filter((id) => comparisons.some(({ invariant }) => invariant === id));
}

/** What the auditor in the background has found, for operators. */
export function registerInvariantsRoute(
  app: HttpServer,
  {
    store,
    feeds,
    comparisons,
  }: { store: AuditStore; feeds: readonly Feed[]; comparisons: readonly Comparison[] },
): void {
  app.get(
    '/invariants',
    {
      config: { access: 'ops' },
      schema: {
        operationId: 'getInvariants',
        tags: ['audit'],
        summary: 'Whether what must never break holds, as far as this service can tell',
        description:
          'Found by an audit in the background, a part of the orders at a time. What only several witnesses together can tell, `npm run audit:invariants` does.',
        response: { 200: invariantsResource, ...problems(503) },
      },
    },
    async () => {
      const { finishedAt, checked, progress, counts, findings } = await store.status(mostFindings);
      return {
        lastRunAt: iso(finishedAt),
        ordersChecked: checked,
        coverage: feeds.map(({ name, covers }) => {
          const { until = null, completedAt = null } = progress[name] ?? {};
          return { name, covers, until: iso(until), completedAt: iso(completedAt) };
        }),
        invariants: invariantIds.map((invariant) => {
          const compares = comparisons.filter((each) => each.invariant === invariant);
          const found = counts[invariant] ?? 0;
          const told = found > 0 ? ('broken' as const) : ('holds' as const);
          return {
            invariant,
            promise: invariants[invariant],
            status: compares.length === 0 || finishedAt === null ? ('untold' as const) : told,
            compares: compares.map((each) => each.compares),
            findings: found,
          };
        }),
        findings: findings.map(({ firstSeenAt, lastSeenAt, ...finding }) => ({
          ...finding,
          firstSeenAt: firstSeenAt.toISOString(),
          lastSeenAt: lastSeenAt.toISOString(),
        })),
      };
    },
  );
}

function iso(time: Date | number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}
