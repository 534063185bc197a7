import type { Pool } from 'pg';
import { Counter, Histogram } from 'prom-client';
import { registerLookedUpGauges } from '#shared/metrics/looked-up-gauges.ts';
import { waitingBuckets } from '#shared/metrics/registry.ts';
import { query } from '#shared/postgres/statement.ts';
import type { SagaChanges, SagaRepository } from '../../application/ports/saga-repository.ts';
import type { Saga, SagaState } from '../../domain/saga.ts';
import { countSagas } from './sql/count-sagas.ts';

const started = new Counter({
  name: 'oms_saga_started_total',
  help: 'Runs of sagas that began; a replay of a failed order begins another run',
});
const completed = new Counter({
  name: 'oms_saga_completed_total',
  help: 'Runs of sagas that ended with the order paid and shipped',
});
const failed = new Counter({
  name: 'oms_saga_failed_total',
  help: 'Runs of sagas that ended with the order failed, by the code of the reason',
  labelNames: ['reason'],
});
const cancelled = new Counter({
  name: 'oms_saga_cancelled_total',
  help: 'Sagas that ended because the customer cancelled the order',
});
const compensated = new Counter({
  name: 'oms_saga_compensated_total',
  help: 'Runs of sagas that had reserved stock and were undone: no money is kept, and the stock is free again',
});
const duration = new Histogram({
  name: 'oms_saga_duration_seconds',
  help: 'From the first message about an order to the first end of its saga; with manual payment the customer decides how long',
  labelNames: ['outcome', 'payment'],
  buckets: waitingBuckets,
});

/** Why orders fail that nobody has to repair. */
const refusals = ['OUT_OF_STOCK', 'UNKNOWN_SKU', 'PAYMENT_DECLINED', 'PAYMENT_EXPIRED'] as const;

/** The same repository, which counts what its transactions did once they have committed. */
export function measureSagas(sagas: SagaRepository): SagaRepository {
  // From the beginning, or the first one could not be told from none.
  for (const reason of refusals) failed.inc({ reason }, 0);
  return {
    ...sagas,
    async change(scope, decide) {
      let count = (): void => undefined;
      const result = await sagas.change(scope, (found, stock) => {
        const changes = decide(found, stock);
        // The last decision is the one that was stored.
        count = () => countChanges(found, changes);
        return changes;
      });
      count();
      return result;
    },
  };
}

function countChanges(found: ReadonlyMap<string, Saga>, changes: SagaChanges<unknown>): void {
  for (const saga of [...changes.created, ...changes.updated]) {
    countSaga(found.get(saga.order.orderId), saga);
  }
  compensated.inc(changes.reservations.filter(({ state }) => state === 'released').length);
}

function countSaga(before: Saga | undefined, after: Saga): void {
  // A cancellation that comes before its order leaves a saga that never ran.
  const neverRan = before === undefined && after.state === 'cancelled';
  if (!neverRan && after.run !== before?.run) started.inc();
  if (after.state === before?.state && after.run === before.run) return;
  const outcome = outcomeOf(after.state);
  if (outcome === undefined) return;
  if (outcome === 'completed') completed.inc();
  if (outcome === 'failed') failed.inc({ reason: after.failure?.code ?? 'none' });
  if (outcome === 'cancelled') cancelled.inc();
  if (neverRan || after.run > 0 || before?.state === 'failed') return;
  const seconds = (after.updatedAt.getTime() - after.startedAt.getTime()) / 1_000;
  duration.observe({ outcome, payment: after.order.payment ?? 'automatic' }, seconds);
}

function outcomeOf(state: SagaState): 'completed' | 'failed' | 'cancelled' | undefined {
  switch (state) {
    case 'completed':
    case 'failed':
    case 'cancelled':
      return state;
    case 'started':
    case 'awaiting_payment':
    case 'reserved':
    case 'compensating':
    case 'needs_attention':
    case 'refunded':
      return undefined;
    default:
      return state satisfies never;
  }
}

interface SagaCounts {
  readonly underWay: Partial<Record<SagaState, number>>;
  readonly inNeed: number;
  readonly overdue: number;
  readonly overdueSeconds: number;
}

/** What sagas may be doing while they have not ended; a completed one may be giving money back. */
const activities = {
  awaiting_payment: 'awaiting_payment',
  reserved: 'paying',
  compensating: 'compensating',
  completed: 'refunding',
} as const satisfies Partial<Record<SagaState, string>>;

const ofAll = 'Every replica tells those of all: take the maximum, not the sum';

/** Counts the sagas under way in the database whenever metrics are asked for, so that a restart forgets none. */
export function measureSagasUnderWay(pool: Pool): void {
  const look = async () => (await query<SagaCounts>(pool, countSagas, []))[0];
  registerLookedUpGauges(look, [
    {
      name: 'oms_active_sagas',
      help: `Sagas under way by what they do; counted up to 10000. ${ofAll}`,
      labelNames: ['activity'],
      tell: (gauge, { underWay }) => {
        for (const [state, activity] of Object.entries(activities)) {
          gauge.set({ activity }, underWay[state as SagaState] ?? 0);
        }
      },
    },
    {
      name: 'oms_sagas_needing_attention',
      help: `Sagas that only an operator can bring to an end, refunds included; counted up to 10000. ${ofAll}`,
      tell: (gauge, { inNeed }) => gauge.set(inNeed),
    },
    {
      name: 'oms_sagas_overdue',
      help: `Sagas past their deadline that nobody has taken up yet; counted up to 10000. ${ofAll}`,
      tell: (gauge, { overdue }) => gauge.set(overdue),
    },
    {
      name: 'oms_saga_overdue_seconds',
      help: `How long the saga that is most overdue has been past its deadline; 0 without any. ${ofAll}`,
      tell: (gauge, { overdueSeconds }) => gauge.set(overdueSeconds),
    },
  ]);
}
