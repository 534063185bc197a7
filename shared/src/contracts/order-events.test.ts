import { describe, expect, test } from '@jest/globals';
import { AppError } from '../kernel/errors.ts';
import { parseOrderMessage, routingKeyOf } from './order-events.ts';

const created = {
  specversion: '1.0',
  id: '01a1fbf4-b78c-76fb-8985-c0f74e8924a3',
  source: '/order-service',
  type: 'order.created.v1',
  subject: '01a1fbf4-b78c-76fb-8985-bfb8b76312a0',
  time: '2026-01-02T03:04:05.678Z',
  datacontenttype: 'application/json',
  sequence: 1,
  correlationid: 'c-1',
  traceparent: '00-6cd63b3bc6b5d93580537f2001d516d9-0123456789abcdef-01',
  data: {
    customerId: 'c-1',
    currency: 'EUR',
    totalMinor: 300,
    items: [{ sku: 'A', quantity: 3, unitPriceMinor: 100 }],
    payment: 'manual',
  },
};

function failureOf(body: string): AppError {
  try {
    parseOrderMessage(Buffer.from(body));
  } catch (error) {
    if (error instanceof AppError) return error;
  }
  throw new Error('it was accepted');
}

describe('a message', () => {
  test('is read by the contract that its type names', () => {
    expect(parseOrderMessage(Buffer.from(JSON.stringify(created)))).toEqual(created);
  });

  test('may carry fields that its consumer does not know yet', () => {
    const newer = { ...created, dataschema: 'x', data: { ...created.data, gift: true } };
    expect(parseOrderMessage(Buffer.from(JSON.stringify(newer)))).toEqual(created);
  });

  test('of a producer that does not know of manual payment yet asks for the automatic one', () => {
    const { payment: _, ...older } = created.data;
    expect(parseOrderMessage(Buffer.from(JSON.stringify({ ...created, data: older })))).toMatchObject({
      data: { payment: 'automatic' },
    });
  });

  test.each([
    ['not JSON', '{"type":'],
    ['no type', '{}'],
    ['null', 'null'],
    ['a quantity of zero', JSON.stringify(created).replace('"quantity":3', '"quantity":0')],
    ['text that no column can hold', JSON.stringify({ ...created, correlationid: 'a\u0000' })],
    ['an id that AMQP cannot carry', JSON.stringify({ ...created, correlationid: 'ü'.repeat(128) })],
    ['half a character', JSON.stringify({ ...created, data: { ...created.data, customerId: 'a\ud800' } })],
    ['no order', JSON.stringify({ ...created, subject: 'order-1' })],
  ])('that is malformed is a permanent failure: %s', (_what, body) => {
    expect(failureOf(body)).toMatchObject({ code: 'MALFORMED_MESSAGE', kind: 'permanent' });
  });

  test.each(['order.created.v2', 'order.shipped.v1', 'constructor'])(
    'of a type or version without a contract is a permanent failure: %s',
    (type) => {
      const failure = failureOf(JSON.stringify({ ...created, type }));
      expect(failure).toMatchObject({ code: 'UNSUPPORTED_MESSAGE', kind: 'permanent' });
    },
  );

  test('travels under its type without the version', () => {
    expect(routingKeyOf('order.created.v1')).toBe('order.created');
  });
});
