import type { Pool } from 'pg';
import { Counter } from 'prom-client';
import { registerLookedUpGauges } from '#shared/metrics/looked-up-gauges.ts';
import { query } from '#shared/postgres/statement.ts';
import type { RecordedAttempt, WebhookDeliveries } from '../../application/ports/webhook-repository.ts';
import type { DisabledReason } from '../../domain/webhook.ts';
import { measureOverdueDeliveries } from '../postgres/sql/webhook-deliveries.ts';

const attempts = new Counter({
  name: 'oms_webhook_attempts_total',
  help: 'Attempts at webhooks by what came of them: delivered, the class of the status, or no answer',
  labelNames: ['outcome'],
});

const disabled = new Counter({
  name: 'oms_webhooks_disabled_total',
  help: 'Webhooks that were disabled because their receiver is gone, or has been failing for days',
  labelNames: ['reason'],
});

/** An answer that is none of 2xx counts by its class; before the final one HTTP clients see no 1xx. */
const outcomes = ['delivered', '3xx', '4xx', '5xx', 'no answer'] as const;
/** Those that are not the owner's own wish. */
const reasons: readonly DisabledReason[] = ['gone', 'failing'];

/** The same log of deliveries, which counts the attempts that were written into it. */
export function measureDeliveries<D extends Pick<WebhookDeliveries, 'record'>>(deliveries: D): D {
  // From the beginning, or the first one could not be told from none.
  for (const outcome of outcomes) attempts.inc({ outcome }, 0);
  for (const reason of reasons) disabled.inc({ reason }, 0);
  return {
    ...deliveries,
    async record(attempt: RecordedAttempt, patienceMs: number) {
      const reason = await deliveries.record(attempt, patienceMs);
      attempts.inc({ outcome: outcomeOf(attempt) });
      if (reason) disabled.inc({ reason });
      return reason;
    },
  };
}

function outcomeOf({ status, attempt: { statusCode } }: RecordedAttempt): (typeof outcomes)[number] {
  if (status === 'delivered') return 'delivered';
  return outcomes.find((outcome) => outcome === `${Math.floor((statusCode ?? 0) / 100)}xx`) ?? 'no answer';
}

/** Looks for deliveries that should have been attempted, whenever metrics are asked for. */
export function measureOverdue(pool: Pool): void {
  const look = async () => (await query<{ overdueSeconds: number }>(pool, measureOverdueDeliveries, []))[0];
  registerLookedUpGauges(look, [
    {
      name: 'oms_webhook_overdue_seconds',
      help: 'How long the webhook that is most overdue should have been sent; 0 without any. Every replica tells the same: take the maximum',
      tell: (gauge, { overdueSeconds }) => gauge.set(overdueSeconds),
    },
  ]);
}
