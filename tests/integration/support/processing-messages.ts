import type { ProcessingMessage } from '#order-service/application/follow-processing.ts';
import type { OperatorActed } from '#order-service/application/record-operator-action.ts';
import { newId } from '#shared/kernel/ids.ts';
import { newTraceparent } from '#shared/observability/trace-context.ts';

type Data<Type extends ProcessingMessage['type']> = Extract<ProcessingMessage, { type: Type }>['data'];

/** What the processor says about one order, with everything that does not matter filled in. */
export function processingMessages(orderId: string) {
  const envelope = (sequence: number) =>
    ({
      specversion: '1.0',
      id: newId(),
      source: '/processor-service',
      subject: orderId,
      time: new Date().toISOString(),
      datacontenttype: 'application/json',
      sequence,
      correlationid: newId(),
      traceparent: newTraceparent(),
    }) as const;
  const processed = (sequence: number, data: Data<'order.processed.v1'>): ProcessingMessage => ({
    ...envelope(sequence),
    type: 'order.processed.v1',
    data,
  });
  return {
    operatorActed: (): OperatorActed => ({
      ...envelope(1),
      type: 'order.operator_acted.v1',
      data: {
        action: 'discarded',
        operator: 'alice',
        reason: 'a test',
        queue: 'processor-service.order.created',
      },
    }),
    reserved: (sequence: number, run = 0): ProcessingMessage => ({
      ...envelope(sequence),
      type: 'order.reserved.v1',
      data: { run },
    }),
    paid: (sequence: number, run = 0): ProcessingMessage => ({
      ...envelope(sequence),
      type: 'order.paid.v1',
      data: { run, paymentId: 'payment-1', amountMinor: 3_998, currency: 'EUR' },
    }),
    completed: (sequence: number, run = 0): ProcessingMessage =>
      processed(sequence, { run, status: 'completed' }),
    failed: (sequence: number, recoverable: boolean, run = 0): ProcessingMessage =>
      processed(sequence, {
        run,
        status: 'failed',
        failure: { code: recoverable ? 'PAYMENT_UNAVAILABLE' : 'OUT_OF_STOCK', message: 'no', recoverable },
      }),
  };
}
