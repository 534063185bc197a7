import {
  mostInquiries,
  type OrderInquiry,
  type OrderInquiryAnswer,
} from '#shared/contracts/order-inquiries.ts';
import { isUuid } from '#shared/kernel/ids.ts';
import type { IncomingMessage } from '#shared/messaging/message.ts';
import type { Saga } from '../../domain/saga.ts';
import type { DeadLetterQueues } from '../ports/dead-letter-queues.ts';
import type { OrderInquiries } from '../ports/order-inquiries.ts';
import type { SagaRepository } from '../ports/saga-repository.ts';
import type { StockRepository } from '../ports/stock-repository.ts';
import { type DeadLetterSummary, summarize } from './dead-letter.ts';
import { destinationOf } from './destination.ts';
import {
  type Content,
  isReply,
  predictReplay,
  type ReplayPrediction,
  readContent,
} from './predict-replay.ts';
import type { Rehearse } from './rehearsal.ts';
import { matches, type Selection } from './selection.ts';

export interface DryRun {
  /**
   * What a replay would do with each letter of a selection, each taken alone. A queue is free again when the first of
   * its predictions is handed out.
   *
   * @param selection.limit stops after so many
   */
  predict(selection: Selection, options?: { limit?: number }): AsyncIterable<ReplayPrediction>;
  /** The same for one letter in hand. */
  predictOne(message: IncomingMessage): Promise<ReplayPrediction>;
}

export function createDryRun(dependencies: {
  deadLetters: DeadLetterQueues;
  sagas: Pick<SagaRepository, 'findAll'>;
  stock: Pick<StockRepository, 'findAll'>;
  inquiries: OrderInquiries;
  rehearse: Rehearse;
}): DryRun {
  const { deadLetters, sagas, stock, inquiries, rehearse } = dependencies;

  async function predictSet(
    set: readonly LetterInHand[],
    ask: OrderInquiries['ask'],
  ): Promise<readonly ReplayPrediction[]> {
    const letters = set.map((inHand) => ({ ...inHand, content: readContent(inHand.message) }));
    const orderIds = distinct(set.map(({ letter }) => letter.orderId ?? ''));
    const replies = letters.filter(({ message }) => isReply(message));
    const messageIds = distinct(replies.map(({ content }) => content.event?.id ?? ''));
    const [found, answer] = await Promise.all([
      orderIds.length > 0 ? sagas.findAll(orderIds) : [],
      orderIds.length + messageIds.length > 0 ? ask({ orderIds, messageIds }) : nothingAsked,
    ]);
    const byOrder = new Map(found.map((saga) => [saga.order.orderId, saga]));
    const counts = await stock.findAll(skusOf(letters, found));
    const bySku = new Map(counts.map((count) => [count.sku, count]));
    return Promise.all(
      letters.map(async (known) => {
        const saga = byOrder.get(known.letter.orderId?.toLowerCase() ?? '');
        const rehearsed = await rehearseHere(known.message, { saga, stock: bySku });
        return predictReplay({ ...known, saga: saga?.state, answer, rehearsed });
      }),
    );
  }

  async function rehearseHere(...[message, known]: Parameters<Rehearse>) {
    const isOurs = destinationOf(message) !== undefined && !isReply(message);
    return isOurs ? rehearse(message, known) : undefined;
  }

  async function predictQueue(
    queue: string,
    wanted: { selection: Selection; most: number; ask: OrderInquiries['ask'] },
  ): Promise<readonly ReplayPrediction[]> {
    const { selection, most, ask } = wanted;
    const predictions: ReplayPrediction[] = [];
    let set: LetterInHand[] = [];
    for await (const { message } of deadLetters.browse(queue)) {
      const letter = summarize(message);
      if (!matches(selection, letter)) continue;
      set.push({ message, letter });
      const isEnough = predictions.length + set.length === most;
      if (set.length < mostInquiries && !isEnough) continue;
      predictions.push(...(await predictSet(set, ask)));
      set = [];
      if (isEnough) break;
    }
    if (set.length > 0) predictions.push(...(await predictSet(set, ask)));
    return predictions;
  }

  return {
    async *predict(selection, { limit = Number.POSITIVE_INFINITY } = {}) {
      const ask = untilSilent(inquiries);
      let left = limit;
      for (const queue of selection.queues) {
        if (left === 0) return;
        const predictions = await predictQueue(queue, { selection, most: left, ask });
        left -= predictions.length;
        yield* predictions;
      }
    },
    predictOne: async (message) => {
      const [prediction] = await predictSet([{ message, letter: summarize(message) }], inquiries.ask);
      return prediction as ReplayPrediction;
    },
  };
}

interface LetterInHand {
  readonly message: IncomingMessage;
  readonly letter: DeadLetterSummary;
}

const nothingAsked: OrderInquiryAnswer = { orders: [], received: [] };

/** Who does not answer once is not asked again: each time would be a wait. */
function untilSilent(inquiries: OrderInquiries): OrderInquiries['ask'] {
  let isSilent = false;
  return async (question: OrderInquiry) => {
    if (isSilent) return undefined;
    const answer = await inquiries.ask(question);
    isSilent = answer === undefined;
    return answer;
  };
}

/** The SKUs that the orders of these letters and sagas are about. */
function skusOf(letters: readonly { content: Content }[], sagas: readonly Saga[]): string[] {
  const skus = new Set(sagas.flatMap(({ order }) => order.items.map(({ sku }) => sku)));
  for (const { content } of letters) {
    if (!content.event || !('items' in content.event.data)) continue;
    for (const { sku } of content.event.data.items) skus.add(sku);
  }
  return [...skus];
}

/** Ids as the databases know them; a foreign message may name anything. */
function distinct(ids: readonly string[]): string[] {
  return [...new Set(ids.filter(isUuid).map((id) => id.toLowerCase()))];
}
