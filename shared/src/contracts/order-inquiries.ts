import { z } from 'zod';
import { failureSchema } from './order-events.ts';
import { exchanges, inquiryKeys, queues } from './topology.ts';

/** How many ids of a kind one question may name. */
export const mostInquiries = 100;

const ids = z.array(z.uuid()).max(mostInquiries);

/** A question about orders, and about messages that the order-service may have received. */
export const orderInquiry = z.object({ orderIds: ids, messageIds: ids });
export type OrderInquiry = z.infer<typeof orderInquiry>;

/** What the order-service knows about an order at the moment of the question. */
const orderState = z.object({
  id: z.uuid(),
  status: z.string(),
  version: z.int(),
  failure: failureSchema.nullable(),
  /** Sequence of the last processor message that was taken account of, and the run of the saga that the order follows. */
  processingSequence: z.int(),
  processingRun: z.int(),
  /** Whether a cancellation was asked for, and what became of it. */
  cancellation: z.string().nullable(),
  refundedMinor: z.int(),
});

/** The orders there are of those asked for, and the messages that were taken account of. */
export const orderInquiryAnswer = z.object({ orders: z.array(orderState), received: z.array(z.uuid()) });
export type OrderInquiryAnswer = z.infer<typeof orderInquiryAnswer>;
export type InquiredOrder = OrderInquiryAnswer['orders'][number];

/** How a question gets to the order-service, and where whoever asks finds the answer. */
export const inquiryWays = {
  questions: { exchange: exchanges.inquiries, routingKey: inquiryKeys.question },
  answers: queues.inquiryAnswers,
} as const;

/** How the order-service gets the questions, and where it answers. */
export const answerWays = {
  queue: queues.orderInquiries,
  answers: { exchange: exchanges.inquiries, routingKey: inquiryKeys.answer },
} as const;
