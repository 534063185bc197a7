import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { buildBrokerUsers } from './broker-users.ts';
import { routingKeyOf } from './order-events.ts';
import {
  deadLetterQueueOf,
  defaultRetryDelaysMs,
  exchanges,
  logs,
  queues,
  retryQueueOf,
  workQueues,
} from './topology.ts';

const folder = new URL('published/', import.meta.url);
const published = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')));
const users = buildBrokerUsers();

/** The broker answers a refused routing key by closing the channel: it would hold up everything else there is to say. */
describe('the users of the broker', () => {
  test.each(published)('let $source say $type, and nobody else but an operator', ({ source, type }) => {
    const speakers = users
      .filter(({ permissions }) => permissions.configure === '^$')
      .filter(({ topics }) => {
        const rights = topics.find(({ exchange }) => exchange === exchanges.orders);
        return new RegExp(rights?.write ?? '').test(routingKeyOf(type));
      })
      .map(({ name }) => name);
    expect(speakers).toEqual([source.replace('/', ''), 'operator']);
  });

  /** Since 4.2.6 the broker tells about a queue only those who have some right to it. */
  test.each([
    ...logs.map((log) => ['order-service', log]),
    ...logs.map((log) => ['processor-service', log]),
    ...logs.map((log) => ['operator', log]),
    ...defaultRetryDelaysMs.map((delayMs) => ['processor-service', retryQueueOf(delayMs)]),
    ...workQueues
      .flatMap(({ name }) => [name, deadLetterQueueOf(name)])
      .map((queue) => [queue.startsWith('order-service') ? 'order-service' : 'processor-service', queue]),
    ...workQueues.map(({ name }) => ['operator', deadLetterQueueOf(name)]),
    ['order-service', queues.orderInquiries],
    ['operator', queues.inquiryAnswers],
  ])('let %s see whether %s is there', (name, queue) => {
    const permissions = users.find((user) => user.name === name)?.permissions;
    const rights = [permissions?.read, permissions?.write].map((right) => new RegExp(right ?? '^$'));
    expect(rights.some((right) => right.test(queue))).toBe(true);
  });
});
