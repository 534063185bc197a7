import type { Row } from './panels.ts';
import { p95, rate } from './queries.ts';

export const payment: Row = {
  title: 'Payment provider',
  columns: 3,
  panels: [
    {
      title: 'Calls by outcome',
      description: 'ok includes payments that were declined; otherwise the code of the error.',
      unit: 'ops',
      queries: [
        [
          rate('oms_payment_call_duration_seconds_count', 'operation', 'outcome'),
          '{{operation}} {{outcome}}',
        ],
      ],
    },
    {
      title: 'How long calls take: 95 of 100 at most',
      description: 'By what was asked.',
      unit: 's',
      queries: [p95('oms_payment_call_duration_seconds', '', 'operation')],
    },
    {
      title: 'Circuit breaker not closed',
      description: 'Coloured while calls are not let through, or only to try.',
      unit: 'none',
      as: 'states',
      worrying: 1,
      queries: [
        ['max by (instance, state) (oms_payment_circuit_state{state!="closed"})', '{{instance}} {{state}}'],
      ],
    },
  ],
};

export const webhooks: Row = {
  title: 'Webhooks',
  columns: 3,
  panels: [
    {
      title: 'Attempts',
      description: 'By what came of them.',
      unit: 'ops',
      queries: [[rate('oms_webhook_attempts_total', 'outcome'), '{{outcome}}']],
    },
    {
      title: 'How late the latest one is',
      description: 'For how long it should have been sent. Grows while a receiver is slower than its events.',
      unit: 's',
      queries: [['max(oms_webhook_overdue_seconds)', 'overdue']],
    },
    {
      title: 'Disabled since the start of the processes',
      description: 'By why: the receiver is gone, or has been failing for days.',
      unit: 'short',
      queries: [['sum by (reason) (oms_webhooks_disabled_total)', '{{reason}}']],
    },
  ],
};
