import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { orderContracts, parseOrderMessage } from './order-events.ts';

const folder = new URL('published/', import.meta.url);
const read = (name: string): Buffer => readFileSync(new URL(name, folder));
const files = readdirSync(folder).filter((name) => name.endsWith('.json'));

describe('messages that were published', () => {
  test('are kept for every contract, and for no other', () => {
    const types = files.map((name) => /^(.+\.v\d+)(\.[a-z-]+)?\.json$/.exec(name)?.[1]);
    expect(new Set(types)).toEqual(new Set(Object.keys(orderContracts)));
  });

  test('are what they were when they were published', () => {
    const sums = files.map((name) => `${createHash('sha256').update(read(name)).digest('hex')}  ${name}`);
    expect(sums).toEqual(read('SHA256SUMS').toString().trim().split('\n'));
  });

  test.each(files)('are read with nothing lost: %s', (name) => {
    const published = JSON.parse(read(name).toString());
    expect(name.startsWith(published.type)).toBe(true);
    expect(parseOrderMessage(read(name))).toEqual(published);
  });
});
