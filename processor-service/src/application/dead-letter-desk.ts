import type { Clock } from '#shared/kernel/clock.ts';
import { AppError } from '#shared/kernel/errors.ts';
import { type IncomingMessage, toReplay } from '#shared/messaging/message.ts';
import { type DeadLetterSummary, idOf, summarize } from './dead-letters/dead-letter.ts';
import type { DeadLetter, DeadLetterQueues } from './ports/dead-letter-queues.ts';

export interface DeadLetterDetail extends DeadLetterSummary {
  readonly exchange: string;
  readonly routingKey: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** What an operator can do with dead letters. Ids are message ids, or a digest of the body where there is none. */
export interface DeadLetterDesk {
  list(queues: readonly string[]): AsyncIterable<DeadLetterSummary>;
  /** @throws AppError `MESSAGE_NOT_FOUND` */
  show(queues: readonly string[], id: string): Promise<DeadLetterDetail>;
  /** Sends one back to where it was first published. @throws AppError `MESSAGE_NOT_FOUND` */
  replay(queues: readonly string[], id: string, by: string): Promise<DeadLetterSummary>;
  /** Sends all back, in their order; yields each once the broker has it. */
  replayAll(queues: readonly string[], by: string): AsyncIterable<DeadLetterSummary>;
  /** Deletes one for good. @throws AppError `MESSAGE_NOT_FOUND` */
  discard(queues: readonly string[], id: string): Promise<DeadLetterSummary>;
}

export function createDeadLetterDesk(dependencies: {
  deadLetters: DeadLetterQueues;
  clock: Clock;
}): DeadLetterDesk {
  const { deadLetters, clock } = dependencies;

  async function* browseAll(queues: readonly string[]): AsyncGenerator<DeadLetter> {
    for (const queue of queues) yield* deadLetters.browse(queue);
  }

  async function withOne<T>(
    queues: readonly string[],
    id: string,
    act: (letter: DeadLetter) => Promise<T> | T,
  ): Promise<T> {
    for await (const letter of browseAll(queues)) {
      if (idOf(letter.message) === id) return await act(letter);
    }
    throw new AppError({
      code: 'MESSAGE_NOT_FOUND',
      kind: 'rejected',
      message: `no message ${id} in ${queues.join(', ')}`,
    });
  }

  /** Confirmed before it is removed: a crash in between leaves two copies, never none. */
  async function replayOne(letter: DeadLetter, by: string): Promise<DeadLetterSummary> {
    await deadLetters.publish(toReplay(letter.message, { by, at: clock() }));
    letter.remove();
    return summarize(letter.message);
  }

  return {
    async *list(queues) {
      for await (const { message } of browseAll(queues)) yield summarize(message);
    },
    show: (queues, id) => withOne(queues, id, ({ message }) => describe(message)),
    async replay(queues, id, by) {
      await deadLetters.restoreBindings(queues);
      return withOne(queues, id, (letter) => replayOne(letter, by));
    },
    async *replayAll(queues, by) {
      await deadLetters.restoreBindings(queues);
      for await (const letter of browseAll(queues)) yield await replayOne(letter, by);
    },
    discard: (queues, id) =>
      withOne(queues, id, (letter) => {
        letter.remove();
        return summarize(letter.message);
      }),
  };
}

function describe(message: IncomingMessage): DeadLetterDetail {
  const { exchange, routingKey, headers } = message;
  return { ...summarize(message), exchange, routingKey, headers, body: message.body.toString('utf8') };
}
