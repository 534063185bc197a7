import { describe, expect, it } from '@jest/globals';
import { median, percentile } from './statistics.ts';

const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);

describe('statistics', () => {
  it('gives the nearest rank as percentile, in whatever order the values come', () => {
    expect([0.5, 0.95, 0.99, 1].map((p) => percentile(hundred, p))).toEqual([50, 95, 99, 100]);
    expect(percentile([7], 0.99)).toBe(7);
  });

  it('gives the middle as median, between two if need be', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 9, 2])).toBe(3);
  });

  it('knows nothing about nothing', () => {
    expect([percentile([], 0.5), median([])]).toEqual([Number.NaN, Number.NaN]);
  });
});
