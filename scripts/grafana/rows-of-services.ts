import type { Row } from './panels.ts';
import { chosen, deadLetters, ladder, p95, pace, rate, work } from './queries.ts';

export const outbox: Row = {
  title: 'Outbox and broker of $service',
  columns: 3,
  panels: [
    {
      title: 'Messages that wait to be published',
      description: 'Counted up to 10000.',
      unit: 'short',
      queries: [[`max by (service) (oms_outbox_backlog{${chosen}})`, '{{service}}']],
    },
    {
      title: 'Age of the oldest of them',
      description: 'What a customer waits longer because of it.',
      unit: 's',
      queries: [[`max by (service) (oms_outbox_oldest_unpublished_age_seconds{${chosen}})`, '{{service}}']],
    },
    {
      title: 'From the commit to the confirm: 95 of 100 at most',
      description: 'How long the relay takes to bring a message to the broker.',
      unit: 's',
      queries: [p95('oms_outbox_publishing_delay_seconds', chosen, 'service')],
    },
    {
      title: 'Publications',
      description: 'Confirmed, or the code of why not: returned (no queue wants it), refused, unconfirmed.',
      unit: 'ops',
      queries: [
        [
          rate(`oms_publish_duration_seconds_count{${chosen}}`, 'service', 'outcome'),
          '{{service}} {{outcome}}',
        ],
      ],
    },
    {
      title: 'Until the broker confirms: 95 of 100 at most',
      description: 'By exchange.',
      unit: 's',
      queries: [p95('oms_publish_duration_seconds', chosen, 'exchange')],
    },
    {
      title: 'Connections that are away or blocked',
      description: 'Coloured while they are.',
      unit: 'none',
      as: 'states',
      worrying: 1,
      queries: [
        [
          `max by (connection) (oms_broker_connection_state{${chosen}, state!="connected"})`,
          '{{connection}}',
        ],
      ],
    },
  ],
};

export const messages: Row = {
  title: 'Messages of $service',
  columns: 3,
  panels: [
    {
      title: 'What becomes of them',
      description: 'By queue; counted once it is certain.',
      unit: 'ops',
      queries: [
        [rate(`oms_messages_consumed_total{${chosen}}`, 'queue', 'outcome'), '{{queue}} {{outcome}}'],
      ],
    },
    {
      title: 'Why they are retried or given up',
      description: 'By the code of the error.',
      unit: 'ops',
      queries: [
        [
          rate(`oms_messages_consumed_total{${chosen}, outcome=~"retried|parked"}`, 'outcome', 'code'),
          '{{outcome}} {{code}}',
        ],
      ],
    },
    {
      title: 'Waiting in work queues',
      description: 'Without those in hand.',
      unit: 'short',
      queries: [[`max by (queue) (oms_queue_messages{${chosen}, ${work}})`, '{{queue}}']],
    },
    {
      title: 'Resting in dead-letter queues',
      description: 'Until they are replayed or discarded.',
      unit: 'short',
      queries: [[`max by (queue) (oms_queue_messages{${deadLetters}})`, '{{queue}}']],
    },
    {
      title: 'Waiting for their next attempt',
      description: 'On the retry ladder, of both services.',
      unit: 'short',
      queries: [[`max by (queue) (oms_queue_messages{${ladder}})`, '{{queue}}']],
    },
    {
      title: 'Consumers',
      description: 'None: nobody is connected, or consumption pauses because the payment provider is away.',
      unit: 'short',
      queries: [[`max by (queue) (oms_queue_consumers{${chosen}, ${work}})`, '{{queue}}']],
    },
    {
      title: 'From the publication to the first attempt: 95 of 100 at most',
      description: 'The time in the broker.',
      unit: 's',
      queries: [p95('oms_message_waiting_seconds', chosen, 'queue')],
    },
    {
      title: 'An attempt takes: 95 of 100 at most',
      description: 'The time in our hands, the payment provider included.',
      unit: 's',
      queries: [p95('oms_message_handling_seconds', chosen, 'queue')],
    },
    {
      title: 'Sent once more',
      description:
        'By the order-service because nobody had answered, by the processor-service because it was asked again.',
      unit: 'ops',
      queries: [[rate(`oms_messages_repeated_total{${chosen}}`, 'service'), '{{service}}']],
    },
  ],
};

export const processes: Row = {
  title: 'Processes of $service',
  columns: 4,
  panels: [
    {
      title: 'Delay of the event loop (p99)',
      description: 'How long work waits for its turn in the process.',
      unit: 's',
      queries: [[`nodejs_eventloop_lag_p99_seconds{${chosen}}`, '{{instance}}']],
    },
    {
      title: 'CPUs in use',
      description: 'One process can use one, and a little for garbage collection.',
      unit: 'short',
      queries: [[`rate(process_cpu_seconds_total{${chosen}}${pace})`, '{{instance}}']],
    },
    {
      title: 'Memory',
      description: 'Resident.',
      unit: 'bytes',
      queries: [[`process_resident_memory_bytes{${chosen}}`, '{{instance}}']],
    },
    {
      title: 'Database connections',
      description: 'Awaited: statements that wait for one.',
      unit: 'short',
      queries: [[`sum by (instance, state) (oms_database_connections{${chosen}})`, '{{instance}} {{state}}']],
    },
  ],
};
