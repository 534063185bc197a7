import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { buildBrokerUsers } from '#shared/contracts/broker-users.ts';
import { buildTopology } from '#shared/contracts/topology.ts';

const readme = readFileSync(new URL('README.md', import.meta.url), 'utf8');
/** As the README writes the rungs of the ladder: once, whatever the delay. */
const rung = 123_456_789;
const topology = buildTopology([rung]);
const users = buildBrokerUsers([rung]);

describe('the README of the broker', () => {
  test('lists the exchanges', () => {
    const wanted = topology.exchanges.map(({ name, type }) => [code(name), type]);
    expect(rowsOf('exchanges').map(([name, type]) => [name, type])).toEqual(wanted);
  });

  test('lists the queues with all their arguments', () => {
    const wanted = topology.queues.map((queue) => [code(queue.name), argumentList(queue.arguments)]);
    expect(rowsOf('queues')).toEqual(wanted);
  });

  test('lists the bindings', () => {
    const wanted = topology.bindings.map(({ source, queue, routingKey, arguments: bindingArguments }) => [
      code(source),
      code(queue),
      routingKey && code(routingKey),
      argumentList(bindingArguments),
    ]);
    expect(rowsOf('bindings')).toEqual(wanted);
  });

  test('lists the users with what they may write to and read from', () => {
    const wanted = users.map(({ name, tags, permissions }) => [
      code(name),
      tags && code(tags),
      nameList(permissions.configure),
      nameList(permissions.write),
      nameList(permissions.read),
    ]);
    expect(rowsOf('users')).toEqual(wanted);
  });

  test('lists the routing keys that they may use', () => {
    const wanted = users.flatMap(({ name, topics }) =>
      topics.map((topic) => [code(name), code(topic.exchange), nameList(topic.write), nameList(topic.read)]),
    );
    expect(rowsOf('routing keys')).toEqual(wanted);
  });
});

/** The cells of the table between `<!-- name -->` and `<!-- /name -->`, without its head. */
function rowsOf(name: string): string[][] {
  const [, table = ''] = readme.split(new RegExp(`<!-- /?${name} -->`));
  const [, , ...rows] = table.trim().split('\n');
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

function argumentList(given: Readonly<Record<string, unknown>>): string {
  return Object.entries(given)
    .map(([name, value]) => code(`${name}=${value}`))
    .join(' ');
}

/** The names that a regular expression for exactly these stands for. */
function nameList(pattern: string): string {
  if (pattern === '.*') return 'everything';
  const names = /^\^\((.*)\)\$$/.exec(pattern)?.[1]?.split('|') ?? [];
  return names.map((name) => code(name.replaceAll('\\.', '.'))).join(' ');
}

function code(text: string): string {
  return `\`${text.replaceAll(String(rung), '<ms>')}\``;
}
