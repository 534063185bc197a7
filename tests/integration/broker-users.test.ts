import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { type BrokerUser, brokerUserNames } from '#shared/contracts/broker-users.ts';
import { buildTopology, logs } from '#shared/contracts/topology.ts';
import { type BrokerPasswords, provideUsers } from '#shared/messaging/provide-users.ts';
import { adminUrlOf, createTestBroker, type TestBroker } from '../support/broker.ts';
import { testInfrastructure } from '../support/infrastructure.ts';
import { manage } from './support/management.ts';

const accessRefused = 403;
const topology = buildTopology([50]);
const queueNames = topology.queues.map(({ name }) => name);
const exchangeNames = ['', 'amq.direct', 'amq.topic', ...topology.exchanges.map(({ name }) => name)];
/** Everything that somebody binds with, and something that nobody does. */
const bindingKeys = [...new Set(['order.foreign', ...topology.bindings.map(({ routingKey }) => routingKey)])];
/** On the ladder and the default exchange, names of queues are routing keys. */
const routingKeys = [...bindingKeys, ...queueNames];

const requests = [
  'order.created',
  'order.payment_requested',
  'order.cancel_requested',
  'order.refund_requested',
];
const replies = [
  'reserved',
  'paid',
  'processed',
  'cancelled',
  'cancel_rejected',
  'refunded',
  'refund_rejected',
]
  .map((what) => `order.${what}`)
  .concat('order.operator_acted');

/** All that each of them may do; whatever else this file can think of is refused. */
const allowed = {
  'order-service': [
    'read order-service.order.processed',
    'read order-service.order.inquiries',
    ...requests.map((key) => `publish orders ${key}`),
    'publish orders.dlx order.processed.failed',
    'publish orders.inquiries answer',
    'publish orders.ladder.50ms order-service.order.processed',
    ...bindings([...withDlq('order-service.order.processed'), ...logs], replies, ['order.processed.failed']),
  ],
  'processor-service': [
    'read processor-service.order.created',
    'read processor-service.order.requests',
    ...replies.map((key) => `publish orders ${key}`),
    'publish orders.dlx order.created.failed',
    'publish orders.dlx order.requests.failed',
    'publish orders.ladder.50ms processor-service.order.created',
    'publish orders.ladder.50ms processor-service.order.requests',
    ...bindings(
      [
        ...withDlq('processor-service.order.created'),
        ...withDlq('processor-service.order.requests'),
        ...logs,
        'orders.retry.50ms',
      ],
      requests,
      ['order.created.failed', 'order.requests.failed'],
    ),
  ],
  operator: [
    'read order-service.order.processed.dlq',
    'read processor-service.order.created.dlq',
    'read processor-service.order.requests.dlq',
    'read orders.log',
    'read orders.dlx.log',
    'read orders.inquiries.answers',
    'publish orders.inquiries question',
    ...[...requests, ...replies].flatMap((key) => [
      `publish orders ${key}`,
      `bind order-service.order.processed orders ${key}`,
      `bind processor-service.order.created orders ${key}`,
      `bind processor-service.order.requests orders ${key}`,
    ]),
  ],
} as const;

/** Of a service: it may bind its queues, and those of which it asks whether they are there, to what it may read. */
function bindings(queues: string[], keys: string[], deadLetterKeys: string[]): string[] {
  return queues.flatMap((queue) => [
    ...keys.map((key) => `bind ${queue} orders ${key}`),
    ...deadLetterKeys.map((key) => `bind ${queue} orders.dlx ${key}`),
  ]);
}

function withDlq(queue: string): string[] {
  return [queue, `${queue}.dlq`];
}

let broker: TestBroker;

beforeAll(async () => {
  broker = await createTestBroker({ retryDelaysMs: [50] });
});
afterAll(() => broker?.drop());

describe.each(Object.keys(allowed) as (keyof typeof allowed)[])('%s on the broker', (user) => {
  let connection: ChannelModel;

  beforeAll(async () => {
    connection = await connect(broker.urls[user], { noDelay: true });
  });
  afterAll(() => connection?.close());

  test('does what it is there for, and nothing else', async () => {
    const done: string[] = [];
    const attempt = async (what: string, run: (channel: ConfirmChannel) => Promise<unknown>) => {
      if (await isAllowed(connection, run)) done.push(what);
    };
    for (const queue of queueNames) await attempt(`read ${queue}`, (channel) => readFrom(channel, queue));
    for (const exchange of exchangeNames) {
      for (const key of routingKeys) {
        await attempt(`publish ${exchange} ${key}`, (channel) => publish(channel, exchange, key));
      }
    }
    for (const queue of queueNames) {
      for (const exchange of exchangeNames.filter((name) => name !== '')) {
        for (const key of bindingKeys) {
          await attempt(`bind ${queue} ${exchange} ${key}`, (channel) =>
            channel.bindQueue(queue, exchange, key),
          );
        }
      }
    }
    expect(done.sort()).toEqual([...allowed[user]].sort());
  });

  test.each<[string, (channel: ConfirmChannel) => Promise<unknown>]>([
    ['declare a queue', (channel) => channel.assertQueue('own')],
    ['declare a queue that the broker names', (channel) => channel.assertQueue('', { exclusive: true })],
    ['declare an exchange', (channel) => channel.assertExchange('own', 'fanout')],
    ['bind an exchange to another', (channel) => channel.bindExchange('orders.dlx', 'orders', '#')],
    ['take a binding of the event log away', (channel) => channel.unbindQueue('orders.log', 'orders', '#')],
    ...queueNames.map(
      (name) => [`delete ${name}`, (channel: ConfirmChannel) => channel.deleteQueue(name)] as const,
    ),
    ...topology.exchanges.map(
      ({ name }) => [`delete ${name}`, (channel: ConfirmChannel) => channel.deleteExchange(name)] as const,
    ),
    ...queueNames
      .filter((name) => !(allowed[user] as readonly string[]).includes(`read ${name}`))
      .map((name) => [`empty ${name}`, (channel: ConfirmChannel) => channel.purgeQueue(name)] as const),
  ] as [string, (channel: ConfirmChannel) => Promise<unknown>][])('may not %s', async (_, run) => {
    expect(await isAllowed(connection, run)).toBe(false);
  });

  test('enters no other virtual host', async () => {
    const other = await createTestBroker({ retryDelaysMs: [50] });
    // Where it has rights it gets in; without, the broker ends the conversation when it hears the name.
    await (await connect(other.urls[user])).close();
    await manage('DELETE', `/api/permissions/${other.virtualHost}/${user}`);
    const standard = Object.assign(new URL(broker.urls[user]), { pathname: '/' }).href;
    for (const url of [other.urls[user], standard]) {
      await expect(connect(url)).rejects.toThrow('Expected ConnectionOpenOk; got <ConnectionClose');
    }
    await other.drop();
  });

  test('administers nothing, and only the operator sees how the broker is', async () => {
    const { username, password } = new URL(broker.urls[user]);
    const ask = async (method: string, path: string, body?: unknown): Promise<number> => {
      const response = await fetch(new URL(path, testInfrastructure().managementUrl), {
        method,
        headers: { authorization: `Basic ${btoa(`${username}:${password}`)}` },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      await response.body?.cancel();
      return response.status;
    };
    const statuses = [
      await ask('GET', '/api/overview'),
      await ask('GET', '/api/users'),
      await ask('PUT', '/api/users/own', { password: 'guess', tags: 'administrator' }),
      await ask('PUT', '/api/vhosts/own'),
      await ask('PUT', `/api/permissions/${broker.virtualHost}/${user}`, {
        configure: '.*',
        write: '.*',
        read: '.*',
      }),
    ];
    expect(statuses).toEqual(user === 'operator' ? [200, 401, 401, 401, 401] : [401, 401, 401, 401, 401]);
  });
});

describe('the broker', () => {
  test('is given a user by many at the same time', async () => {
    const name = `test-${randomUUID()}`;
    const user = { name, tags: '', permissions: { configure: '', write: '', read: '' }, topics: [] };
    const provide = () =>
      provideUsers({
        adminUrl: adminUrlOf(testInfrastructure()),
        users: [user as unknown as BrokerUser],
        passwords: { [name]: 'test' } as unknown as BrokerPasswords,
        virtualHost: broker.virtualHost,
      });
    await Promise.all(Array.from({ length: 40 }, provide));
    const users = (await manage('GET', '/api/users')) as { name: string }[];
    expect(users.filter((each) => each.name === name)).toHaveLength(1);
    await manage('DELETE', `/api/users/${name}`);
  });

  test('does not know guest, and nobody by a wrong password', async () => {
    const users = (await manage('GET', '/api/users')) as { name: string }[];
    expect(users.map(({ name }) => name)).not.toContain('guest');
    const names = [
      { username: 'guest', password: 'guest' },
      ...brokerUserNames.map((username) => ({ username, password: 'guess' })),
    ];
    for (const login of names) {
      await expect(connect(Object.assign(new URL(broker.url), login).href)).rejects.toThrow(/ACCESS.REFUSED/);
    }
  });
});

async function isAllowed(
  connection: ChannelModel,
  run: (channel: ConfirmChannel) => Promise<unknown>,
): Promise<boolean> {
  const channel = await connection.createConfirmChannel();
  const refused = Promise.withResolvers<never>();
  channel.on('error', refused.reject);
  try {
    await Promise.race([run(channel), refused.promise]);
    await channel.close();
    return true;
  } catch (error) {
    if ((error as { code?: number }).code === accessRefused) return false;
    throw error;
  }
}

/** What is delivered goes back when the channel closes. */
async function readFrom(channel: ConfirmChannel, queue: string): Promise<void> {
  await channel.prefetch(1);
  await channel.consume(queue, () => undefined);
}

async function publish(channel: ConfirmChannel, exchange: string, routingKey: string): Promise<void> {
  channel.publish(exchange, routingKey, Buffer.from('{}'));
  await channel.waitForConfirms();
}
