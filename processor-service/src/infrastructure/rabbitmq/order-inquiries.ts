import { orderInquiryAnswer } from '#shared/contracts/order-inquiries.ts';
import { AppError } from '#shared/kernel/errors.ts';
import { sleep } from '#shared/kernel/sleep.ts';
import type { Requester } from '#shared/messaging/rpc.ts';
import type { OrderInquiries } from '../../application/ports/order-inquiries.ts';

/** Somebody is waiting in front of a screen. */
const waitMs = 2_000;
const askAgainMs = 20;

/** Asks the order-service over the broker, to which it connects when there is something to ask. */
export function createOrderInquiries(dependencies: { requester: Requester }): OrderInquiries {
  const { requester } = dependencies;
  return {
    async ask(question) {
      requester.start();
      for (const deadline = Date.now() + waitMs; ; await sleep(askAgainMs)) {
        try {
          const timeoutMs = Math.max(1, deadline - Date.now());
          const answer = await requester.ask(question, { timeoutMs });
          // An answer in another shape, of another version, is as good as none.
          return orderInquiryAnswer.safeParse(answer).data;
        } catch (error) {
          if (!(error instanceof AppError) || error.code !== 'BROKER_UNAVAILABLE') throw error;
          // Without a connection it fails at once; one may be coming.
          if (Date.now() >= deadline - askAgainMs) return undefined;
        }
      }
    },
  };
}
