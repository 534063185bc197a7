import { status } from '@grpc/grpc-js';
import { describe, expect, test } from '@jest/globals';
import { AppError, type ErrorCode, type ErrorKind } from '#shared/kernel/errors.ts';
import { detailsKey, toGrpcStatus } from './error-status.ts';
import {
  BadRequest,
  ErrorInfo,
  PreconditionFailure,
  RetryInfo,
} from './protobuf/google/rpc/error_details.ts';
import { Status } from './protobuf/google/rpc/status.ts';

const request = { subject: 'orders/1', correlationId: 'c-1' };
const codecs = { BadRequest, ErrorInfo, PreconditionFailure, RetryInfo };

function answerTo(code: ErrorCode, kind: ErrorKind, message: string, data = {}) {
  const refusal = toGrpcStatus(new AppError({ code, kind, message, data }), request);
  const [bytes] = refusal.metadata.get(detailsKey);
  const rich = Status.decode(bytes as Buffer);
  expect(rich).toMatchObject({ code: refusal.code, message: refusal.details });
  const details = rich.details.map(({ typeUrl, value }) => {
    const name = typeUrl.replace('type.googleapis.com/google.rpc.', '') as keyof typeof codecs;
    return [name, codecs[name].decode(value)] as const;
  });
  return { code: refusal.code, message: refusal.details, details: Object.fromEntries(details) };
}

describe('the status of an error', () => {
  test('names every wrong field as the .proto has it', () => {
    const errors = [
      { field: 'items.10.unitPrice.amountMinor', message: 'too big' },
      { field: 'customerId', message: 'too short' },
      { field: '', message: 'odd' },
    ];
    const answer = answerTo('VALIDATION_FAILED', 'rejected', 'whatever', { errors });
    expect(answer.code).toBe(status.INVALID_ARGUMENT);
    expect(answer.message).toBe(
      'items[10].unit_price.amount_minor: too big; customer_id: too short; request: odd',
    );
    expect(answer.details['BadRequest']).toEqual({
      fieldViolations: [
        { field: 'items[10].unit_price.amount_minor', description: 'too big' },
        { field: 'customer_id', description: 'too short' },
        { field: '', description: 'odd' },
      ],
    });
  });

  test('is short enough for any client, however much is wrong', () => {
    const errors = Array.from({ length: 300 }, () => ({
      field: `metadata.${'🙂'.repeat(9_000)}`,
      message: 'no',
    }));
    const error = new AppError({
      code: 'VALIDATION_FAILED',
      kind: 'rejected',
      message: 'x',
      data: { errors },
    });
    const { details, metadata } = toGrpcStatus(error, request);
    const [bytes] = metadata.get(detailsKey);
    const sent = encodeURIComponent(details).length + (bytes as Buffer).toString('base64').length;
    expect(sent).toBeLessThan(8_000);
    expect(details).toMatch(/^metadata\.🙂+.…: no; metadata/u);
  });

  test('of a state that does not allow it says what would have', () => {
    const answer = answerTo('ORDER_STATE_CONFLICT', 'rejected', 'it is pending', { allowed: ['paid'] });
    expect(answer).toEqual({
      code: status.FAILED_PRECONDITION,
      message: 'it is pending',
      details: {
        ErrorInfo: {
          reason: 'ORDER_STATE_CONFLICT',
          domain: 'oms',
          metadata: { correlation_id: 'c-1', allowed: 'paid' },
        },
        PreconditionFailure: {
          violations: [{ type: 'ORDER_STATE_CONFLICT', subject: 'orders/1', description: 'it is pending' }],
        },
      },
    });
  });

  test('of something that is away says when to come back, and no secret', () => {
    const answer = answerTo('DATABASE_UNAVAILABLE', 'unavailable', 'secret host');
    expect(answer.code).toBe(status.UNAVAILABLE);
    expect(answer.message).toBe('The database is not available');
    expect(answer.details['RetryInfo']).toEqual({ retryDelay: { seconds: 2n, nanos: 0 } });
  });

  test('of a bug says nothing about it', () => {
    expect(answerTo('INTERNAL', 'transient', 'secret detail')).toMatchObject({
      code: status.INTERNAL,
      message: 'Something went wrong on our side',
      details: { ErrorInfo: { reason: 'INTERNAL' } },
    });
  });

  test.each<[ErrorCode, status, string]>([
    ['ORDER_NOT_FOUND', status.NOT_FOUND, 'ErrorInfo'],
    ['PRECONDITION_FAILED', status.ABORTED, 'ErrorInfo'],
    ['CONCURRENT_UPDATE', status.ABORTED, 'ErrorInfo'],
    ['INVALID_CURSOR', status.INVALID_ARGUMENT, 'BadRequest'],
    ['REFUND_ID_REUSED', status.ALREADY_EXISTS, 'ErrorInfo'],
  ])('%s is %i with %s', (code, expected, detail) => {
    const answer = answerTo(code, 'rejected', 'no');
    expect(answer.code).toBe(expected);
    expect(Object.keys(answer.details)).toContain(detail);
  });
});
