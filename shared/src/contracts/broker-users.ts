/**
 * Who may do what on the broker, as data, from the same names as the topology. RabbitMQ asks three things: may this user
 * declare and delete something of this name (configure), put something into it (write), or take something out of it
 * (read); and for a topic exchange, with which routing keys. A binding takes the right to write into the queue and to
 * read the exchange, with its routing key.
 */
import {
  deadLetterQueueOf,
  defaultRetryDelaysMs,
  exchanges,
  inquiryKeys,
  logs,
  queues,
  retryExchangeOf,
  retryQueueOf,
  workQueues,
} from './topology.ts';

export const brokerUserNames = ['order-service', 'processor-service', 'operator', 'topology'] as const;
export type BrokerUserName = (typeof brokerUserNames)[number];

export interface BrokerUser {
  readonly name: BrokerUserName;
  /** What the management API lets the user see. */
  readonly tags: string;
  /** Names of exchanges and queues, as regular expressions. */
  readonly permissions: { readonly configure: string; readonly write: string; readonly read: string };
  /** Routing keys on topic exchanges, as regular expressions. */
  readonly topics: readonly { readonly exchange: string; readonly write: string; readonly read: string }[];
}

const nothing = '^$';

/** All users; a ladder of another length has other names. */
export function buildBrokerUsers(retryDelaysMs: readonly number[] = defaultRetryDelaysMs): BrokerUser[] {
  return [
    service('order-service', retryDelaysMs, {
      reads: [queues.orderInquiries],
      writes: [exchanges.inquiries],
      looksAt: [],
      topics: [{ exchange: exchanges.inquiries, write: oneOf([inquiryKeys.answer]), read: nothing }],
    }),
    service('processor-service', retryDelaysMs, {
      reads: [],
      writes: [],
      looksAt: retryDelaysMs.map(retryQueueOf),
      topics: [],
    }),
    operator,
    {
      name: 'topology',
      tags: '',
      permissions: { configure: '.*', write: '.*', read: '.*' },
      topics: [],
    },
  ];
}

/**
 * A service consumes its own work queues, keeps them bound, sends what fails up the ladder or to its own dead letters, and
 * publishes what the others' queues are there for. It declares nothing.
 *
 * @param more.looksAt queues of which it only asks whether they are there and how full. Since 4.2.6 the broker answers only
 * those who have some right to a queue, and to write to it is the least: to bind it to an exchange that one may read.
 */
function service(
  name: 'order-service' | 'processor-service',
  retryDelaysMs: readonly number[],
  more: { reads: string[]; writes: string[]; looksAt: string[]; topics: BrokerUser['topics'] },
): BrokerUser {
  const own = workQueues.filter((queue) => queue.name.startsWith(`${name}.`));
  const others = workQueues.filter((queue) => !own.includes(queue));
  const ownNames = own.map((queue) => queue.name);
  const deadLetterKeys = oneOf(own.map((queue) => queue.deadLetterRoutingKey));
  const rungs = retryDelaysMs.map(retryExchangeOf);
  return {
    name,
    tags: '',
    permissions: {
      configure: nothing,
      write: oneOf([
        exchanges.orders,
        exchanges.deadLetters,
        ...rungs,
        ...ownNames,
        ...ownNames.map(deadLetterQueueOf),
        ...more.writes,
        ...logs,
        ...more.looksAt,
      ]),
      read: oneOf([exchanges.orders, exchanges.deadLetters, ...ownNames, ...more.reads]),
    },
    topics: [
      {
        exchange: exchanges.orders,
        write: oneOf(others.flatMap((queue) => queue.routingKeys)),
        read: oneOf(own.flatMap((queue) => queue.routingKeys)),
      },
      { exchange: exchanges.deadLetters, write: deadLetterKeys, read: deadLetterKeys },
      ...rungs.map((exchange) => ({ exchange, write: oneOf(ownNames), read: nothing })),
      ...more.topics,
    ],
  };
}

const workQueueNames = workQueues.map((queue) => queue.name);
const allKeys = oneOf(workQueues.flatMap((queue) => queue.routingKeys));

/** Whoever looks after dead letters: takes them out of their queues and publishes them anew; and sees how the broker is. */
const operator: BrokerUser = {
  name: 'operator',
  tags: 'monitoring',
  permissions: {
    configure: nothing,
    write: oneOf([exchanges.orders, exchanges.inquiries, ...workQueueNames]),
    read: oneOf([
      exchanges.orders,
      ...workQueueNames.map(deadLetterQueueOf),
      queues.eventLog,
      queues.deadLetterLog,
      queues.inquiryAnswers,
    ]),
  },
  topics: [
    { exchange: exchanges.orders, write: allKeys, read: allKeys },
    { exchange: exchanges.inquiries, write: oneOf([inquiryKeys.question]), read: nothing },
  ],
};

/** A regular expression for exactly these names. */
function oneOf(names: readonly string[]): string {
  return `^(${names.map((name) => name.replaceAll('.', '\\.')).join('|')})$`;
}
