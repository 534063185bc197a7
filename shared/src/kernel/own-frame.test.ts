import { describe, expect, test } from '@jest/globals';
import { ownFrame } from './own-frame.ts';

const root = new URL('../../../', import.meta.url).pathname;

/** An error as Node leaves it; Jest changes the names in stacks. */
function errorAt(frames: readonly string[], cause?: unknown): Error {
  const error = new Error('it broke', { cause });
  error.stack = ['Error: it broke', ...frames.map((frame) => `    at ${frame}`)].join('\n');
  return error;
}

const ours = (path: string): string => `file://${root}${path}:12:34`;

describe('the own frame of an error', () => {
  test.each([
    ['fail', 'fail'],
    ['async pay', 'pay'],
    ['new Saga', 'Saga'],
    ['Object.process', 'process'],
    ['async Object.handle [as handle]', 'handle'],
    ['Hand.#take', 'Hand.#take'],
    ['<anonymous>', 'anonymous'],
  ])('names the file and the function, and no line: %s', (name, expected) => {
    const path = 'processor-service/src/application/process-order.ts';
    expect(ownFrame(errorAt([`${name} (${ours(path)})`]))).toBe(`${path} ${expected}`);
  });

  test('copes with functions that have no name', () => {
    expect(ownFrame(errorAt([ours('shared/src/a.ts')]))).toBe('shared/src/a.ts anonymous');
    expect(ownFrame(errorAt([`async ${ours('shared/src/a.ts')}`]))).toBe('shared/src/a.ts anonymous');
  });

  test('is the innermost one that is ours, not of Node, of a package or of anybody else', () => {
    const frames = [
      'Query.run (file:///usr/lib/query.js:5:1)',
      'JSON.parse (<anonymous>)',
      'process.processTicksAndRejections (node:internal/process/task_queues:105:5)',
      `Client.query (${ours('node_modules/pg/lib/client.js')})`,
      'async Promise.all (index 0)',
      `async store (${ours('order-service/src/orders.ts')})`,
      `async place (${ours('order-service/src/place.ts')})`,
    ];
    expect(ownFrame(errorAt(frames))).toBe('order-service/src/orders.ts store');
  });

  test('is not where errors are merely translated or handed on', () => {
    const frames = [
      `toAppError (${ours('shared/src/kernel/errors.ts')})`,
      `withDatabaseErrors (${ours('shared/src/postgres/database-errors.ts')})`,
      `query (${ours('shared/src/postgres/statement.ts')})`,
      `find (${ours('processor-service/src/infrastructure/postgres/saga-repository.ts')})`,
    ];
    expect(ownFrame(errorAt(frames))).toMatch(/saga-repository\.ts find$/);
  });

  test('is that of the deepest cause, not of what wraps it', () => {
    const cause = errorAt([`charge (${ours('shared/src/charge.ts')})`]);
    const wrapped = errorAt([`pay (${ours('shared/src/pay.ts')})`], cause);
    expect(ownFrame(errorAt([`process (${ours('shared/src/process.ts')})`], wrapped))).toBe(
      'shared/src/charge.ts charge',
    );
  });

  test('is that of what wraps it where the cause knows none of ours', () => {
    const frames = [`pay (${ours('shared/src/pay.ts')})`];
    expect(ownFrame(errorAt(frames, errorAt(['Socket.onEnd (node:net:1:2)'])))).toBe('shared/src/pay.ts pay');
    expect(ownFrame(errorAt(frames, 'just a text'))).toBe('shared/src/pay.ts pay');
  });

  test.each([
    [undefined],
    ['text'],
    [null],
    [{ stack: `at x (${ours('x.ts')})` }],
    [errorAt([])],
    [errorAt(['nonsense'])],
    [Object.assign(new Error('x'), { stack: 7 })],
    [Object.assign(new Error('x'), { stack: undefined })],
  ])('is unknown when nothing can be read: %p', (thrown) => {
    expect(ownFrame(thrown)).toBe('unknown');
  });

  test('is found also for errors that cause each other', () => {
    const error = errorAt([`pay (${ours('shared/src/pay.ts')})`]);
    error.cause = error;
    expect(ownFrame(error)).toBe('shared/src/pay.ts pay');
  });
});
