import type { Row } from './panels.ts';
import { chosen, deadLetters, p95, quantiles, rate } from './queries.ts';

export const now: Row = {
  title: 'Now',
  columns: 8,
  panels: [
    {
      title: 'Orders begun',
      description:
        'Runs of sagas that begin. What is accepted over HTTP and gRPC and not begun waits in the outbox or a queue.',
      unit: 'ops',
      as: 'number',
      queries: [[rate('oms_saga_started_total'), '']],
    },
    {
      title: 'Alerts',
      description: 'That are firing: docs/runbooks says what to do about each.',
      unit: 'short',
      as: 'number',
      worrying: 1,
      queries: [['count(ALERTS{alertstate="firing"}) or vector(0)', '']],
    },
    {
      title: 'Orders under way',
      description: 'Sagas that have begun and not ended, without those that wait for their customer to pay.',
      unit: 'short',
      as: 'number',
      queries: [['sum(max by (activity) (oms_active_sagas{activity!="awaiting_payment"}))', '']],
    },
    {
      title: 'Need an operator',
      description:
        'Compensations and refunds that only a person can bring to an end: npm run sagas -- list --state needs_attention',
      unit: 'short',
      as: 'number',
      worrying: 1,
      queries: [['max(oms_sagas_needing_attention)', '']],
    },
    {
      title: 'Dead letters',
      description: 'Messages that were given up and wait to be replayed or discarded: npm run dlq -- groups',
      unit: 'short',
      as: 'number',
      worrying: 1,
      queries: [[`sum(max by (queue) (oms_queue_messages{${deadLetters}}))`, '']],
    },
    {
      title: 'Oldest unpublished message',
      description: 'Zero or a moment, unless the broker is away or takes no messages.',
      unit: 's',
      as: 'number',
      worrying: 30,
      queries: [[`max(oms_outbox_oldest_unpublished_age_seconds{${chosen}})`, '']],
    },
    {
      title: 'Contradictions',
      description: 'What the auditor has found to break an invariant: GET /invariants names the orders.',
      unit: 'short',
      as: 'number',
      worrying: 1,
      queries: [['sum(max by (service, invariant) (oms_invariant_findings))', '']],
    },
    {
      title: 'Requests that fail',
      description:
        'With a failure of ours, in the last hour. The promise is one in a thousand over thirty days.',
      unit: 'percentunit',
      as: 'number',
      worrying: 0.0144,
      queries: [[`max(service:request_failures:ratio1h{${chosen}})`, '']],
    },
  ],
};

export const sagas: Row = {
  title: 'Sagas',
  columns: 3,
  panels: [
    {
      title: 'How they begin and end',
      description: 'Counted once the step has committed. A replay of a failed order begins another run.',
      unit: 'ops',
      queries: [
        [rate('oms_saga_started_total'), 'started'],
        [rate('oms_saga_completed_total'), 'completed'],
        [rate('oms_saga_failed_total'), 'failed'],
        [rate('oms_saga_cancelled_total'), 'cancelled'],
        [rate('oms_saga_compensated_total'), 'compensated'],
      ],
    },
    {
      title: 'Why they fail',
      description:
        'OUT_OF_STOCK, UNKNOWN_SKU, PAYMENT_DECLINED and PAYMENT_EXPIRED are ordinary; the others are technical, and leave a dead letter.',
      unit: 'ops',
      queries: [[rate('oms_saga_failed_total', 'reason'), '{{reason}}']],
    },
    {
      title: 'How long they take',
      description:
        'From the first message about an order to the end of its saga, where the payment is automatic.',
      unit: 's',
      queries: quantiles('oms_saga_duration_seconds', 'payment="automatic"'),
    },
    {
      title: 'What they are doing',
      description:
        'Counted in the database, up to 10000. Those that await the payment wait for their customer.',
      unit: 'short',
      queries: [['max by (activity) (oms_active_sagas)', '{{activity}}']],
    },
    {
      title: 'Past their deadline',
      description: 'The watchdog takes them up within seconds; what stays is stuck.',
      unit: 'short',
      queries: [
        ['max(oms_sagas_overdue)', 'overdue'],
        ['max(oms_sagas_needing_attention)', 'need an operator'],
      ],
    },
    {
      title: 'The most overdue one',
      description: 'How long it has been past its deadline.',
      unit: 's',
      queries: [['max(oms_saga_overdue_seconds)', 'overdue']],
    },
  ],
};

export const requests: Row = {
  title: 'Requests to $service',
  columns: 3,
  panels: [
    {
      title: 'HTTP by status',
      description: 'Without health checks.',
      unit: 'reqps',
      queries: [
        [
          rate(
            `oms_http_request_duration_seconds_count{${chosen}, route!~"/health/.*"}`,
            'service',
            'status',
          ),
          '{{service}} {{status}}',
        ],
      ],
    },
    {
      title: 'HTTP by route: 95 of 100 take at most',
      description: 'Streams of events last as long as somebody watches.',
      unit: 's',
      queries: [
        p95('oms_http_request_duration_seconds', `${chosen}, route!~"/health/.*|.*/events"`, 'route'),
      ],
    },
    {
      title: 'Share that fails',
      description: 'HTTP and gRPC, with a failure of ours.',
      unit: 'percentunit',
      queries: [
        [`service:request_failures:ratio5m{${chosen}}`, '{{service}}, 5 minutes'],
        [`service:request_failures:ratio1h{${chosen}}`, '{{service}}, an hour'],
      ],
    },
    {
      title: 'gRPC by status',
      description: 'Calls that have ended.',
      unit: 'reqps',
      queries: [[rate(`oms_grpc_call_duration_seconds_count{${chosen}}`, 'code'), '{{code}}']],
    },
    {
      title: 'gRPC by method: 95 of 100 take at most',
      description: 'Without streams.',
      unit: 's',
      queries: [p95('oms_grpc_call_duration_seconds', `${chosen}, method!~".*/Watch.*"`, 'method')],
    },
  ],
};
