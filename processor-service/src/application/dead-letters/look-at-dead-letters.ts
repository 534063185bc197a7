import type { InquiredOrder } from '#shared/contracts/order-inquiries.ts';
import { AppError } from '#shared/kernel/errors.ts';
import { isUuid } from '#shared/kernel/ids.ts';
import type { IncomingMessage } from '#shared/messaging/message.ts';
import type { Saga } from '../../domain/saga.ts';
import type { DeadLetterQueues } from '../ports/dead-letter-queues.ts';
import type { OperatorActions, OriginalLetter } from '../ports/operator-actions.ts';
import type { OrderInquiries } from '../ports/order-inquiries.ts';
import type { SagaRepository } from '../ports/saga-repository.ts';
import { originalOf } from './about-letter.ts';
import { type DeadLetterSummary, idOf, summarize } from './dead-letter.ts';
import type { DryRun } from './dry-run.ts';
import { createGrouping, type DeadLetterGroup } from './group-letters.ts';
import { historyOf, type LetterEvent } from './letter-history.ts';
import type { ReplayPrediction } from './predict-replay.ts';
import { matches, type Selection } from './selection.ts';

/** Everything there is to know about one letter. */
export interface DeadLetterDetail {
  readonly letter: DeadLetterSummary;
  /** Where it was first published. */
  readonly exchange: string;
  readonly routingKey: string;
  readonly contentType: string;
  readonly correlationId: string;
  /** Headers and body as they are. */
  readonly content: OriginalLetter;
  readonly history: readonly LetterEvent[];
  readonly saga: Saga | undefined;
  /** `unknown`: the order-service did not answer. */
  readonly order: InquiredOrder | 'unknown' | undefined;
  readonly replay: ReplayPrediction;
}

/**
 * Looks at dead letters and leaves them as they are. Every method may throw `QUEUE_NOT_FOUND`, `QUEUE_BUSY`,
 * `BROKER_UNAVAILABLE` and `DATABASE_UNAVAILABLE`.
 */
export interface LookAtDeadLetters {
  /**
   * Queue by queue, oldest first. A queue is read to its end and free again before its first letter is handed out, however
   * long the caller takes; in memory are summaries, and no bodies.
   */
  list(selection: Selection): AsyncIterable<DeadLetterSummary>;
  /** The first ones of a selection, and whether there are more. */
  page(
    selection: Selection,
    limit: number,
  ): Promise<{ readonly items: readonly DeadLetterSummary[]; readonly hasMore: boolean }>;
  /** The largest groups first. */
  groups(selection: Selection): Promise<readonly DeadLetterGroup[]>;
  /** @throws AppError `MESSAGE_NOT_FOUND` */
  show(which: { id: string; queues: readonly string[] }): Promise<DeadLetterDetail>;
}

export function createLookAtDeadLetters(dependencies: {
  deadLetters: DeadLetterQueues;
  sagas: Pick<SagaRepository, 'find'>;
  inquiries: OrderInquiries;
  actions: Pick<OperatorActions, 'list'>;
  dryRun: DryRun;
}): LookAtDeadLetters {
  const { deadLetters, sagas, inquiries, actions, dryRun } = dependencies;

  async function firstOf(queue: string, selection: Selection, most: number): Promise<DeadLetterSummary[]> {
    const letters: DeadLetterSummary[] = [];
    if (most === 0) return letters;
    for await (const { message } of deadLetters.browse(queue)) {
      const letter = summarize(message);
      if (matches(selection, letter) && letters.push(letter) === most) break;
    }
    return letters;
  }

  async function* list(selection: Selection, most = Number.POSITIVE_INFINITY) {
    let left = most;
    for (const queue of selection.queues) {
      const letters = await firstOf(queue, selection, left);
      left -= letters.length;
      yield* letters;
    }
  }

  async function find(id: string, queues: readonly string[]): Promise<IncomingMessage> {
    for (const queue of queues) {
      for await (const { message } of deadLetters.browse(queue)) if (idOf(message) === id) return message;
    }
    const message = `no message ${id} in ${queues.join(', ')}`;
    throw new AppError({ code: 'MESSAGE_NOT_FOUND', kind: 'rejected', message });
  }

  async function orderOf(orderId: string): Promise<DeadLetterDetail['order']> {
    const answer = await inquiries.ask({ orderIds: [orderId], messageIds: [] });
    return answer ? answer.orders[0] : 'unknown';
  }

  return {
    list: (selection) => list(selection),

    async page(selection, limit) {
      const letters: DeadLetterSummary[] = [];
      // One more than asked for tells whether there are more.
      for await (const letter of list(selection, limit + 1)) letters.push(letter);
      return { items: letters.slice(0, limit), hasMore: letters.length > limit };
    },

    async groups(selection) {
      const grouping = createGrouping();
      for (const queue of selection.queues) {
        for await (const { message } of deadLetters.browse(queue)) {
          const letter = summarize(message);
          if (matches(selection, letter)) grouping.add(letter);
        }
      }
      return grouping.groups();
    },

    async show({ id, queues }) {
      const message = await find(id, queues);
      const letter = summarize(message);
      const { exchange, routingKey, contentType, correlationId } = message;
      const orderId = letter.orderId !== undefined && isUuid(letter.orderId) ? letter.orderId : undefined;
      const [done, saga, order, replay] = await Promise.all([
        actions.list({ messageId: id, limit: mostActions }),
        orderId === undefined ? undefined : sagas.find(orderId),
        orderId === undefined ? undefined : orderOf(orderId),
        dryRun.predictOne(message),
      ]);
      return {
        letter,
        exchange,
        routingKey,
        contentType,
        correlationId,
        content: originalOf(message),
        history: historyOf(message, done),
        saga,
        order,
        replay,
      };
    },
  };
}

const mostActions = 100;
