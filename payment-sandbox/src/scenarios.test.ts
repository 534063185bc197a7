import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { SCENARIOS, scenarioTable } from './scenarios.ts';

describe('the scenarios', () => {
  test('stand in the README exactly as they are played', () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    const [, table = ''] = /<!-- scenarios -->([\s\S]*)<!-- \/scenarios -->/.exec(readme) ?? [];
    expect(cellsOf(table)).toEqual(cellsOf(scenarioTable()));
  });

  test('have names and amounts of their own', () => {
    expect(new Set(SCENARIOS.map(({ name }) => name)).size).toBe(SCENARIOS.length);
    expect(new Set(SCENARIOS.map(({ amountMinor }) => amountMinor)).size).toBe(SCENARIOS.length);
  });

  test('have amounts that ordinary orders do not hit: 666 and an HTTP status', () => {
    for (const { amountMinor } of SCENARIOS) expect(String(amountMinor)).toMatch(/^666[2-5]\d\d$/);
  });
});

/** The formatter pads the cells of a table; what is in them is ours. */
function cellsOf(table: string): string[][] {
  const rows = table.trim().split('\n');
  return rows.map((row) => row.split('|').map((cell) => cell.trim().replace(/^-+$/, '---')));
}
