import { describe, expect, test } from '@jest/globals';
import type { GetMessage } from 'amqplib';
import { lastDeath, readMessage } from './message.ts';

function delivered(headers: Record<string, unknown> | undefined): GetMessage {
  return {
    content: Buffer.from('{}'),
    fields: { deliveryTag: 1, redelivered: false, exchange: 'e', routingKey: 'k', messageCount: 0 },
    properties: { headers },
  } as unknown as GetMessage;
}

describe('reading a message', () => {
  test('finds where it was first published in what the broker wrote when it dead-lettered it', () => {
    const headers = {
      'x-death': [{ exchange: 'orders', 'routing-keys': ['order.created'], reason: 'delivery_limit' }],
    };
    expect(readMessage('q', delivered(headers))).toMatchObject({
      exchange: 'orders',
      routingKey: 'order.created',
    });
  });

  test.each([
    [undefined],
    [{ 'x-death': 'abc' }],
    [{ 'x-death': [] }],
    [{ 'x-death': [null] }],
    [{ 'x-death': [{ exchange: 'f' }] }],
    [{ 'x-death': [{ 'routing-keys': 7 }] }],
    [{ 'x-original-exchange': 1, 'x-attempts': 'many', 'x-replay-count': -1, 'x-delivery-count': {} }],
  ])('survives whatever somebody wrote into its headers: %j', (headers) => {
    expect(readMessage('q', delivered(headers))).toMatchObject({
      routingKey: 'k',
      failedAttempts: 0,
      replayCount: 0,
      unansweredDeliveries: 0,
    });
  });

  test.each([
    [1_795_000_000, new Date(1_795_000_000_000)],
    // Microseconds, as some clients send them: a time that no document can say.
    [1_795_000_000_000_000, undefined],
    ['now', undefined],
    [undefined, undefined],
  ])('knows when it was sent, if that can be read: %j', (timestamp, time) => {
    const message = delivered({});
    expect(readMessage('q', { ...message, properties: { ...message.properties, timestamp } }).time).toEqual(
      time,
    );
  });

  test.each([
    [1_795_000_000_123, new Date(1_795_000_000_123)],
    [1e300, undefined],
    ['now', undefined],
    [undefined, undefined],
  ])('knows to the millisecond when it was published first, if it says so: %j', (sentAt, time) => {
    expect(readMessage('q', delivered({ 'x-sent-at': sentAt })).sentAt).toEqual(time);
  });

  test('counts no further than a database can', () => {
    expect(readMessage('q', delivered({ 'x-replay-count': 3_000_000_000 })).replayCount).toBe(1_000_000_000);
  });

  test.each([
    [{ '!': 'timestamp', value: 1_795_000_000 }, new Date(1_795_000_000_000)],
    [{ '!': 'timestamp', value: 1e300 }, undefined],
    ['yesterday', undefined],
    [null, undefined],
  ])('knows when the broker gave it up, if that can be read: %j', (time, at) => {
    expect(lastDeath({ 'x-death': [{ reason: 'delivery_limit', time }] })).toEqual({
      reason: 'delivery_limit',
      ...(at ? { at } : {}),
    });
  });
});
