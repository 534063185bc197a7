import type { IncomingMessage } from '#shared/messaging/message.ts';
import { messageHeaders } from '#shared/messaging/message.ts';
import type { OperatorAction } from '../ports/operator-actions.ts';
import { summarize } from './dead-letter.ts';

/** Something that happened to a letter. */
export interface LetterEvent {
  /** ISO 8601; `undefined` where nobody wrote it down. */
  readonly at: string | undefined;
  readonly what: string;
}

/** What is known of a letter's life, oldest first: from its own headers, and from the audit. */
export function historyOf(
  message: IncomingMessage,
  actions: readonly OperatorAction[],
): readonly LetterEvent[] {
  const { firstFailedAt, failedAt, attempts, errorCode, errorMessage } = summarize(message);
  const isGivenUpByConsumer = typeof message.headers[messageHeaders.errorCode] === 'string';
  const events: LetterEvent[] = [
    ...(message.time ? [{ at: message.time.toISOString(), what: 'published' }] : []),
    ...unauditedReplay(message, actions),
    ...(firstFailedAt && attempts > 1 ? [{ at: firstFailedAt, what: 'failed for the first time' }] : []),
    ...brokerDeaths(message),
    ...(isGivenUpByConsumer
      ? [{ at: failedAt, what: `given up after ${times(attempts)}: ${errorCode}, ${errorMessage}` }]
      : []),
    ...actions.map(toEvent),
  ];
  // What has no time keeps its place behind what has.
  return events.toSorted((a, b) => (a.at ?? '9').localeCompare(b.at ?? '9'));
}

/** The last replay, where the audit knows nothing of it: it may be another database's. */
function unauditedReplay(
  { headers, replayCount }: IncomingMessage,
  actions: readonly OperatorAction[],
): LetterEvent[] {
  const isAudited = actions.some(
    ({ action, letter }) => action === 'replay' && letter?.replayCount === replayCount,
  );
  if (replayCount === 0 || isAudited) return [];
  const { [messageHeaders.replayedAt]: at, [messageHeaders.replayedBy]: by } = headers;
  const who = typeof by === 'string' ? by : 'somebody';
  return [{ at: typeof at === 'string' ? at : undefined, what: `replayed by ${who}` }];
}

/** The broker's own books: one line per queue and reason. */
function brokerDeaths({ headers }: IncomingMessage): LetterEvent[] {
  const deaths: unknown = headers['x-death'];
  if (!Array.isArray(deaths)) return [];
  return deaths.flatMap((death: unknown) => {
    const { queue, reason, count, time } = (death ?? {}) as Record<string, unknown>;
    const at = new Date(Number((time as { value?: unknown } | undefined)?.value) * 1000);
    const what = `left ${String(queue)} because of ${String(reason)}, ${times(Number(count))}`;
    return [{ at: Number.isNaN(at.getTime()) ? undefined : at.toISOString(), what }];
  });
}

const pastOf = { replay: 'replayed', edit: 'edited', discard: 'discarded', resume: 'resumed' } as const;

function toEvent({ action, at, operator, outcome, error, reason, replacedBy }: OperatorAction): LetterEvent {
  const details = [
    `${pastOf[action]} by ${operator}`,
    ...(replacedBy ? [`sent as ${replacedBy}`] : []),
    ...(outcome === 'done' ? [] : [outcome === 'failed' ? 'which failed' : 'which may not be over']),
    ...(error ? [error] : []),
    ...(reason ? [`"${reason}"`] : []),
  ];
  return { at: at.toISOString(), what: details.join(', ') };
}

function times(count: number): string {
  return count === 1 ? 'one attempt' : `${count} attempts`;
}
