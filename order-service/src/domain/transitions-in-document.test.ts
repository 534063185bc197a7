import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { statusAfter } from './order-events.ts';
import { transitions } from './transitions.ts';

test('ARCHITECTURE.md draws exactly the transitions of the table, beginning where orders begin', () => {
  const document = readFileSync(new URL('../../../ARCHITECTURE.md', import.meta.url), 'utf8');
  const [, picture = ''] = /<!-- order-states -->([\s\S]*)<!-- \/order-states -->/.exec(document) ?? [];
  const drawn = [...picture.matchAll(/^ +(\S+) --> (\S+)$/gm)].map(([, from, to]) => `${from} → ${to}`);
  const wanted = Object.entries(transitions).flatMap(([from, targets]) =>
    targets.map((to) => `${from} → ${to}`),
  );
  expect(drawn.sort()).toEqual([`[*] → ${statusAfter.placed}`, ...wanted].sort());
});
