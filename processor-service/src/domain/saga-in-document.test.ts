import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { sagaSteps } from './saga-steps.ts';

const document = readFileSync(new URL('../../../ARCHITECTURE.md', import.meta.url), 'utf8');

describe('ARCHITECTURE.md', () => {
  test('draws exactly the steps that move the saga to another state', () => {
    const picture = [...part('saga-states').matchAll(/^ +(\w+) --> (\w+): (\w+)$/gm)];
    const drawn = picture.map(([, from, to, event]) => `${from} → ${to}: ${event}`);
    const moves = sagaSteps.filter((step) => step.next !== step.in);
    const wanted = new Set(moves.map((step) => `${step.in} → ${step.next}: ${step.on}`));
    expect(drawn.sort()).toEqual([...wanted].sort());
  });

  test('lists each step with what it does to stock and what it announces', () => {
    const [, , ...rows] = part('saga-steps').trim().split('\n');
    const listed = rows.map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    );
    const wanted = sagaSteps.map((step) => [
      step.in,
      step.on,
      step.if ?? '',
      step.next,
      step.stock ?? '',
      (step.announce ?? []).join(', '),
    ]);
    expect(listed).toEqual(wanted);
  });
});

/** What stands between `<!-- name -->` and `<!-- /name -->`. */
function part(name: string): string {
  const [, text = ''] = document.split(new RegExp(`<!-- /?${name} -->`));
  return text;
}
