import type { Evidence } from '../evidence.ts';
import type { Flaws } from './finding.ts';

/** Whether a saga may need a person is for the test to say: to the auditor it is in order. */
export function* nobodyIsNeeded({ leave, inNeed }: Evidence): Flaws {
  if (leave.attention) return;
  for (const subject of inNeed) yield { subject, what: 'needs attention' };
}
