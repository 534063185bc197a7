import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { buildBrokerUsers } from './broker-users.ts';
import { routingKeyOf } from './order-events.ts';
import { exchanges } from './topology.ts';

const folder = new URL('published/', import.meta.url);
const published = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')));
const users = buildBrokerUsers();

/** The broker answers a refused routing key by closing the channel: it would hold up everything else there is to say. */
describe('the users of the broker', () => {
  test.each(published)('let $source say $type, and nobody else but an operator', ({ source, type }) => {
    const speakers = users
      .filter(({ permissions }) => permissions.configure === '^$')
      .filter(({ topics }) => {
        const rights = topics.find(({ exchange }) => exchange === exchanges.orders);
        return new RegExp(rights?.write ?? '').test(routingKeyOf(type));
      })
      .map(({ name }) => name);
    expect(speakers).toEqual([source.replace('/', ''), 'operator']);
  });
});
