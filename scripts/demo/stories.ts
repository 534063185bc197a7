import { brokerAway } from './stories/broker-away.ts';
import { cancelled } from './stories/cancelled.ts';
import { declined } from './stories/declined.ts';
import { happy } from './stories/happy.ts';
import { lastItem } from './stories/last-item.ts';
import { poison } from './stories/poison.ts';
import { refunded } from './stories/refunded.ts';
import { tooLate } from './stories/too-late.ts';
import type { Story } from './story.ts';

/** All of them, in the order in which they are best seen; the one that takes the broker away comes last. */
export const stories: readonly Story[] = [
  happy,
  declined,
  lastItem,
  cancelled,
  tooLate,
  refunded,
  poison,
  brokerAway,
];

/** Those of these names, all of them when none is given. @throws Error naming those that there are. */
export function storiesNamed(names: readonly string[]): readonly Story[] {
  const unknown = names.filter((name) => !stories.some((story) => story.name === name));
  if (unknown.length > 0) {
    const known = stories.map(({ name }) => name).join(', ');
    throw new Error(`there is no story ${unknown.join(', ')}; there are ${known}`);
  }
  return names.length === 0 ? stories : stories.filter(({ name }) => names.includes(name));
}
