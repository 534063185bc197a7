import { expect, test } from '@jest/globals';
import { fromDatabaseError } from './database-errors.ts';

const withCode = (code: string) => Object.assign(new Error('x'), { code });

test.each([
  ['57P01', 'DATABASE_UNAVAILABLE'],
  ['08006', 'DATABASE_UNAVAILABLE'],
  ['53300', 'DATABASE_UNAVAILABLE'],
  ['53100', 'DATABASE_UNAVAILABLE'],
  ['58030', 'DATABASE_UNAVAILABLE'],
  ['25006', 'DATABASE_UNAVAILABLE'],
  ['ECONNREFUSED', 'DATABASE_UNAVAILABLE'],
  ['P1001', 'DATABASE_UNAVAILABLE'],
  ['P1017', 'DATABASE_UNAVAILABLE'],
  ['P2010', 'INTERNAL'],
  ['40001', 'CONCURRENT_UPDATE'],
  ['40P01', 'CONCURRENT_UPDATE'],
  ['23514', 'INTERNAL'],
])('an error of the driver, or of Prisma, with code %s is %s', (code, expected) => {
  expect(fromDatabaseError(withCode(code)).code).toBe(expected);
});

test('no repetition helps against a value that no column can hold', () => {
  expect(fromDatabaseError(withCode('22P05'))).toMatchObject({ code: 'INTERNAL', kind: 'permanent' });
  expect(fromDatabaseError(withCode('23514')).kind).toBe('transient');
});

test('a connection that ended without a code is an unavailable database', () => {
  expect(fromDatabaseError(new Error('Connection terminated unexpectedly')).kind).toBe('unavailable');
});

test('what is thrown between the statements keeps its own words', () => {
  const error = fromDatabaseError(new RangeError('there is too little of it'));
  expect(error).toMatchObject({ code: 'INTERNAL', kind: 'transient', message: 'there is too little of it' });
});

test('what Prisma wraps is recognised by its cause', () => {
  const wrapped = Object.assign(new Error('P2010'), { code: 'P2010', cause: { originalCode: '57P03' } });
  expect(fromDatabaseError(wrapped).code).toBe('DATABASE_UNAVAILABLE');
});

test.each([
  ['57P03', 'DATABASE_UNAVAILABLE'],
  ['40001', 'CONCURRENT_UPDATE'],
  ['23514', 'INTERNAL'],
])('what Prisma says of a statement that failed with %s is %s', (originalCode, expected) => {
  const driverAdapterError = new Error('x', { cause: { originalCode } });
  const failed = Object.assign(new Error('P2039'), { code: 'P2039', meta: { driverAdapterError } });
  expect(fromDatabaseError(failed).code).toBe(expected);
});
