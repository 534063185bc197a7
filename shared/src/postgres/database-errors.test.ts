import { expect, test } from '@jest/globals';
import { fromDatabaseError } from './database-errors.ts';

const withCode = (code: string) => Object.assign(new Error('x'), { code });

test.each([
  ['57P01', 'DATABASE_UNAVAILABLE'],
  ['08006', 'DATABASE_UNAVAILABLE'],
  ['53300', 'DATABASE_UNAVAILABLE'],
  ['ECONNREFUSED', 'DATABASE_UNAVAILABLE'],
  ['40001', 'CONCURRENT_UPDATE'],
  ['40P01', 'CONCURRENT_UPDATE'],
  ['23514', 'INTERNAL'],
])('an error of the driver with code %s is %s', (code, expected) => {
  expect(fromDatabaseError(withCode(code)).code).toBe(expected);
});

test('a connection that ended without a code is an unavailable database', () => {
  expect(fromDatabaseError(new Error('Connection terminated unexpectedly')).kind).toBe('unavailable');
});

test('what Prisma wraps is recognised by its cause', () => {
  const wrapped = Object.assign(new Error('P1001'), { code: 'P1001', cause: { originalCode: '57P03' } });
  expect(fromDatabaseError(wrapped).code).toBe('DATABASE_UNAVAILABLE');
});
