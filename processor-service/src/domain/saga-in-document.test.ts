import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { sagaSteps } from './saga.ts';

const document = readFileSync(new URL('../../../ARCHITECTURE.md', import.meta.url), 'utf8');
const steps = Object.entries(sagaSteps).flatMap(([state, events]) =>
  Object.entries(events).map(([event, step]) => ({ state, event, step })),
);

describe('ARCHITECTURE.md', () => {
  test('draws exactly the steps of the saga', () => {
    const picture = [...part('saga-states').matchAll(/^ +(\w+) --> (\w+): (\w+)$/gm)];
    const drawn = picture.map(([, from, to, event]) => `${from} → ${to}: ${event}`);
    const wanted = steps.map(({ state, event, step }) => `${state} → ${step.next}: ${event}`);
    expect(drawn.sort()).toEqual(wanted.sort());
  });

  test('lists each step with what it does to stock and what it announces', () => {
    const [, , ...rows] = part('saga-steps').trim().split('\n');
    const listed = rows.map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    );
    const wanted = steps.map(({ state, event, step }) => [
      state,
      event,
      step.next,
      step.stock ?? '',
      step.announce.join(', '),
    ]);
    expect(listed).toEqual(wanted);
  });
});

/** What stands between `<!-- name -->` and `<!-- /name -->`. */
function part(name: string): string {
  const [, text = ''] = document.split(new RegExp(`<!-- /?${name} -->`));
  return text;
}
