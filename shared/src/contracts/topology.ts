/**
 * The broker as both services agree on it: exchanges, queues and bindings, as data. `rabbitmq/definitions.json` is
 * generated from it and `rabbitmq/declare.ts` declares it. Every argument is explicit, so that RabbitMQ 3.10 and 4.x
 * build the same thing.
 */
export const exchanges = {
  /** Every event, by its type. */
  orders: 'orders',
  /** Messages that failed for good. */
  deadLetters: 'orders.dlx',
  /** Questions about orders and their answers. */
  inquiries: 'orders.inquiries',
} as const;

export const queues = {
  /** What begins a saga or drives it on. */
  orderCreated: 'processor-service.order.created',
  /** What customers want of orders under way or done; apart, so that a backlog of new orders does not delay it. */
  orderRequests: 'processor-service.order.requests',
  orderProcessed: 'order-service.order.processed',
  /** Questions about orders, answered at once or not at all. */
  orderInquiries: 'order-service.order.inquiries',
  /** A stream of the answers: everybody who asks reads along, so that nobody has to declare a queue of his own. */
  inquiryAnswers: 'orders.inquiries.answers',
  /** The event log: a stream that keeps everything that was ever announced. */
  eventLog: 'orders.log',
  /** The log of dead letters: a stream of everything that was ever given up, in which a replay sees what comes back. */
  deadLetterLog: 'orders.dlx.log',
} as const;

/** Streams that keep what others publish: whoever publishes sees to it that they are there. */
export const logs = [queues.eventLog, queues.deadLetterLog] as const;

export type WorkQueueName = (typeof queues)['orderCreated' | 'orderRequests' | 'orderProcessed'];

interface WorkQueue {
  readonly name: WorkQueueName;
  readonly routingKeys: readonly string[];
  readonly deadLetterRoutingKey: string;
  /** One consumer at a time, with failover: where the order of one order's events matters across replicas. */
  readonly singleActiveConsumer: boolean;
}

export const workQueues: readonly WorkQueue[] = [
  {
    name: queues.orderCreated,
    routingKeys: ['order.created', 'order.payment_requested'],
    deadLetterRoutingKey: 'order.created.failed',
    singleActiveConsumer: false,
  },
  {
    name: queues.orderRequests,
    routingKeys: ['order.cancel_requested', 'order.refund_requested'],
    deadLetterRoutingKey: 'order.requests.failed',
    singleActiveConsumer: false,
  },
  {
    name: queues.orderProcessed,
    routingKeys: [
      'order.reserved',
      'order.paid',
      'order.processed',
      'order.cancelled',
      'order.cancel_rejected',
      'order.refunded',
      'order.refund_rejected',
      'order.operator_acted',
    ],
    deadLetterRoutingKey: 'order.processed.failed',
    singleActiveConsumer: true,
  },
];

/** The dead-letter queue of a work queue. */
export function deadLetterQueueOf(workQueue: string): string {
  return `${workQueue}.dlq`;
}

/** Where a work queue's dead letters are published to. */
export function deadLetterRoutingKeyOf(workQueue: string): string {
  return workQueues.find((queue) => queue.name === workQueue)?.deadLetterRoutingKey ?? `${workQueue}.failed`;
}

/** Waiting times of the retry ladder in milliseconds, shortest first. */
export const defaultRetryDelaysMs: readonly number[] = [1_000, 5_000, 30_000, 120_000, 600_000];

/** The queue in which messages wait `delayMs` milliseconds. */
export function retryQueueOf(delayMs: number): string {
  return `orders.retry.${delayMs}ms`;
}

/**
 * The exchange of that rung. The routing key is the work queue to which a message comes back; a topic exchange lets the
 * broker see to it that this is the sender's own.
 */
export function retryExchangeOf(delayMs: number): string {
  return `orders.ladder.${delayMs}ms`;
}

/** Routing keys on the exchange of inquiries. */
export const inquiryKeys = { question: 'question', answer: 'answer' } as const;

/**
 * After how many deliveries without an answer the broker itself gives a message up. Consumers park a message well
 * before (see `shared/messaging/settle-message.ts`); this is the net below them.
 */
const workQueueDeliveryLimit = 20;

/** Looking at a dead letter counts as a delivery before RabbitMQ 4.3; nobody will look this often. */
const deadLetterQueueDeliveryLimit = 1_000_000;

type Arguments = Readonly<Record<string, string | number | boolean>>;

export interface Topology {
  readonly exchanges: readonly { name: string; type: 'topic' }[];
  readonly queues: readonly { name: string; arguments: Arguments }[];
  readonly bindings: readonly { source: string; queue: string; routingKey: string; arguments: Arguments }[];
}

/** Builds the whole topology; tests pass a shorter ladder. */
export function buildTopology(retryDelaysMs: readonly number[] = defaultRetryDelaysMs): Topology {
  return {
    exchanges: [
      { name: exchanges.orders, type: 'topic' },
      { name: exchanges.deadLetters, type: 'topic' },
      { name: exchanges.inquiries, type: 'topic' },
      ...retryDelaysMs.map((delayMs) => ({ name: retryExchangeOf(delayMs), type: 'topic' as const })),
    ],
    queues: [
      ...workQueues.flatMap((queue) => [workQueueDefinition(queue), deadLetterQueueDefinition(queue)]),
      ...retryDelaysMs.map(retryQueueDefinition),
      { name: queues.orderInquiries, arguments: inquiryArguments },
      { name: queues.inquiryAnswers, arguments: logArguments(20_000_000) },
      { name: queues.eventLog, arguments: logArguments(2_000_000_000) },
      { name: queues.deadLetterLog, arguments: logArguments(500_000_000) },
    ],
    bindings: [
      ...workQueues.flatMap((queue) => [
        ...bindingsOf(queue.name),
        {
          source: exchanges.deadLetters,
          queue: deadLetterQueueOf(queue.name),
          routingKey: queue.deadLetterRoutingKey,
          arguments: {},
        },
      ]),
      ...retryDelaysMs.map((delayMs) => ({
        source: retryExchangeOf(delayMs),
        queue: retryQueueOf(delayMs),
        routingKey: '#',
        arguments: {},
      })),
      {
        source: exchanges.inquiries,
        queue: queues.orderInquiries,
        routingKey: inquiryKeys.question,
        arguments: {},
      },
      {
        source: exchanges.inquiries,
        queue: queues.inquiryAnswers,
        routingKey: inquiryKeys.answer,
        arguments: {},
      },
      { source: exchanges.orders, queue: queues.eventLog, routingKey: '#', arguments: {} },
      { source: exchanges.deadLetters, queue: queues.deadLetterLog, routingKey: '#', arguments: {} },
    ],
  };
}

/** The bindings that bring a work queue its messages; its consumer asserts them again whenever it subscribes. */
export function bindingsOf(workQueue: WorkQueueName): Topology['bindings'] {
  return workQueues
    .filter(({ name }) => name === workQueue)
    .flatMap(({ name, routingKeys }) =>
      routingKeys.map((routingKey) => ({ source: exchanges.orders, queue: name, routingKey, arguments: {} })),
    );
}

/** A full queue refuses the publisher instead of dropping its head, as at-least-once dead-lettering demands. */
const quorum = { 'x-queue-type': 'quorum', 'x-overflow': 'reject-publish' } as const;

function workQueueDefinition(queue: WorkQueue): Topology['queues'][number] {
  return {
    name: queue.name,
    arguments: {
      ...quorum,
      'x-delivery-limit': workQueueDeliveryLimit,
      'x-dead-letter-exchange': exchanges.deadLetters,
      'x-dead-letter-routing-key': queue.deadLetterRoutingKey,
      'x-dead-letter-strategy': 'at-least-once',
      'x-single-active-consumer': queue.singleActiveConsumer,
    },
  };
}

function deadLetterQueueDefinition(queue: WorkQueue): Topology['queues'][number] {
  return {
    name: deadLetterQueueOf(queue.name),
    arguments: { ...quorum, 'x-delivery-limit': deadLetterQueueDeliveryLimit },
  };
}

/** Messages expire only at the head of a queue, hence one queue per delay; the routing key is the way back. */
function retryQueueDefinition(delayMs: number): Topology['queues'][number] {
  return {
    name: retryQueueOf(delayMs),
    arguments: {
      ...quorum,
      'x-message-ttl': delayMs,
      'x-dead-letter-exchange': '',
      'x-dead-letter-strategy': 'at-least-once',
    },
  };
}

/** Whoever asks waits a few seconds at most; a question that is older has nobody to answer to. */
const inquiryArguments: Arguments = { ...quorum, 'x-message-ttl': 5_000 };

function logArguments(maximumBytes: number): Arguments {
  return {
    'x-queue-type': 'stream',
    'x-max-length-bytes': maximumBytes,
    'x-stream-max-segment-size-bytes': maximumBytes / 20,
  };
}
