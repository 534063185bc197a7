import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { buildTopology } from '#shared/contracts/topology.ts';

const readme = readFileSync(new URL('README.md', import.meta.url), 'utf8');
/** As the README writes the rungs of the ladder: once, whatever the delay. */
const rung = 123_456_789;
const topology = buildTopology([rung]);

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

function code(text: string): string {
  return `\`${text.replaceAll(String(rung), '<ms>')}\``;
}
