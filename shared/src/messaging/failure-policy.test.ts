import { describe, expect, test } from '@jest/globals';
import { AppError, type ErrorKind } from '../kernel/errors.ts';
import { disposeOf, toDeadLetter, toRetry } from './failure-policy.ts';
import { toReplay } from './forward-message.ts';
import type { IncomingMessage } from './message.ts';

const ladder = [1_000, 5_000];
const errorOf = (kind: ErrorKind) => new AppError({ code: 'INTERNAL', kind, message: 'it broke' });
const now = new Date('2026-01-02T03:04:05.678Z');

function message(changes: Partial<IncomingMessage> = {}): IncomingMessage {
  return {
    queue: 'processor-service.order.created',
    messageId: 'm-1',
    type: 'order.created.v1',
    correlationId: 'c-1',
    time: now,
    contentType: 'application/json',
    headers: { 'x-delivery-count': 3, 'x-death': [{}], mine: 'kept' },
    body: Buffer.from('{}'),
    exchange: 'orders',
    routingKey: 'order.created',
    failedAttempts: 0,
    replayCount: 0,
    unansweredDeliveries: 3,
    ...changes,
  };
}

describe('a failed message', () => {
  test('climbs one rung per attempt when the failure may pass, and rests when there is none left', () => {
    expect(disposeOf(errorOf('transient'), 0, ladder)).toEqual({ action: 'retry', delayMs: 1_000 });
    expect(disposeOf(errorOf('conflict'), 1, ladder)).toEqual({ action: 'retry', delayMs: 5_000 });
    expect(disposeOf(errorOf('transient'), 2, ladder)).toEqual({ action: 'park', exhausted: true });
  });

  test('rests at once when no repetition helps', () => {
    expect(disposeOf(errorOf('permanent'), 0, ladder)).toEqual({ action: 'park', exhausted: false });
    expect(disposeOf(errorOf('rejected'), 0, ladder)).toEqual({ action: 'park', exhausted: false });
  });

  test('waits, however often, while something that everyone needs is away', () => {
    expect(disposeOf(errorOf('unavailable'), 99, ladder)).toEqual({ action: 'hold' });
  });

  test('waits behind the others when that was found out with it', () => {
    const { code, message: why } = errorOf('unavailable');
    const error = new AppError({ code, kind: 'unavailable', message: why, data: { wasTried: true } });
    expect(disposeOf(error, 99, ladder)).toEqual({ action: 'step back' });
  });

  test('goes on with its own headers, its origin and its count, and without the books of the broker', () => {
    const copy = toRetry(message({ failedAttempts: 1 }), errorOf('transient'), 5_000, now);
    expect(copy).toMatchObject({
      exchange: 'orders.ladder.5000ms',
      routingKey: 'processor-service.order.created',
      messageId: 'm-1',
    });
    expect(copy.headers).toEqual({
      mine: 'kept',
      'x-attempts': 2,
      'x-first-failed-at': now.toISOString(),
      'x-failed-at': now.toISOString(),
      'x-error-code': 'INTERNAL',
      'x-error-message': 'it broke',
      'x-error-frame': expect.stringMatching(/^shared\/src\/messaging\/failure-policy\.test\.ts \w+$/),
      'x-original-exchange': 'orders',
      'x-original-routing-key': 'order.created',
      'x-original-queue': 'processor-service.order.created',
    });
  });

  test('rests in the dead-letter queue of its own queue', () => {
    expect(toDeadLetter(message(), errorOf('permanent'), now)).toMatchObject({
      exchange: 'orders.dlx',
      routingKey: 'order.created.failed',
    });
  });

  test('is replayed to where it came from, with attempts counted anew and the replay counted', () => {
    const dead = message({
      replayCount: 1,
      headers: { mine: 'kept', 'x-attempts': 5, 'x-error-code': 'INTERNAL', 'x-error-message': 'it broke' },
    });
    const copy = toReplay(dead, { by: 'anna', at: now });
    expect(copy).toMatchObject({ exchange: 'orders', routingKey: 'order.created', messageId: 'm-1' });
    expect(copy.headers).toEqual({
      mine: 'kept',
      'x-replay-count': 2,
      'x-replayed-by': 'anna',
      'x-replayed-at': now.toISOString(),
    });
  });
});
