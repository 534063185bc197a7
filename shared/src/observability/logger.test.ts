import { describe, expect, test } from '@jest/globals';
import { AppError, toAppError } from '../kernel/errors.ts';
import { inBrief } from './logger.ts';

const socketError = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });

describe('an error in brief', () => {
  test('has its code and message and those of its causes, and no stack', () => {
    const [code, kind] = ['PAYMENT_UNAVAILABLE', 'transient'] as const;
    const error = new AppError({ code, kind, message: 'cannot be reached', cause: socketError });
    expect(inBrief(error)).toEqual({
      type: 'AppError',
      code,
      message: 'cannot be reached',
      cause: { type: 'Error', code: 'ECONNREFUSED', message: 'connect ECONNREFUSED' },
    });
  });

  test('has the stack of what nobody has foreseen, once', () => {
    const thrown = new TypeError('x is not a function');
    expect(inBrief(toAppError(thrown))).toEqual({
      type: 'TypeError',
      message: 'x is not a function',
      stack: thrown.stack,
    });
  });
});
