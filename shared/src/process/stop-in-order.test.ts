import { describe, expect, test } from '@jest/globals';
import { createLogger } from '../observability/logger.ts';
import { stopInOrder } from './stop-in-order.ts';

const logger = createLogger({ service: 'test', level: 'silent' });
const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));

describe('stopping in order', () => {
  test('waits for all parts of a stage before it begins with the next', async () => {
    const slow = new AbortController();
    const seen: string[] = [];
    const stopping = stopInOrder(
      [
        {
          withinMs: 60_000,
          parts: {
            doors: async () => seen.push('doors'),
            consumer: () => untilAborted(slow.signal).then(() => seen.push('consumer')),
          },
        },
        { withinMs: 60_000, parts: { database: async () => seen.push('database') } },
      ],
      logger,
    );
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toEqual(['doors']);
    slow.abort();
    await stopping;
    expect(seen).toEqual(['doors', 'consumer', 'database']);
  });

  test('leaves behind what fails and what does not end', async () => {
    let isDisconnected = false;
    const parts = {
      doors: () => new Promise<void>(() => {}),
      consumer: async () => {
        throw new Error('gone');
      },
    };
    const disconnect = async () => {
      isDisconnected = true;
    };
    await stopInOrder(
      [
        { withinMs: 10, parts },
        { withinMs: 60_000, parts: { disconnect } },
      ],
      logger,
    );
    expect(isDisconnected).toBe(true);
  });
});
