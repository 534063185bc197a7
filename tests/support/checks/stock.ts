import type { Evidence } from '../evidence.ts';
import type { Flaws } from './finding.ts';

/** Nothing has come in since the beginning, and so nothing may have come or gone. */
export function* stockIsWhatItWas({ openingStock, pieces }: Evidence): Flaws {
  for (const [subject, opening] of openingStock) {
    const now = pieces.get(subject) ?? 0;
    if (now !== opening) yield { subject, what: `had ${opening} and has ${now}` };
  }
}
