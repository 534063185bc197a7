import { expect, test } from '@jest/globals';
import { readOptions, WrongUse } from './options.ts';

const now = Date.parse('2026-11-21T12:00:00Z');

test('without options everything is looked at, with patience', () => {
  expect(readOptions([], now)).toEqual({
    since: undefined,
    overdueMs: 3_600_000,
    patienceMs: 30_000,
    json: false,
  });
});

test.each([
  ['90m', '2026-11-21T10:30:00Z'],
  ['24h', '2026-11-20T12:00:00Z'],
  ['7d', '2026-11-14T12:00:00Z'],
  ['2026-11-21T08:00:00Z', '2026-11-21T08:00:00Z'],
])('--since %s is %s', (text, time) => {
  expect(readOptions(['--since', text], now)?.since).toBe(Date.parse(time));
});

test.each([[['--since', 'noon']], [['--patience', 'long']], [['--overdue', '-1']], [['everything']]])(
  'refuses %j',
  (args) => {
    expect(() => readOptions(args, now)).toThrow(WrongUse);
  },
);
