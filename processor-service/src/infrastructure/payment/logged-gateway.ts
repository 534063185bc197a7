import { toAppError } from '#shared/kernel/errors.ts';
import type { Logger } from '#shared/observability/logger.ts';
import type { PaymentGateway } from '../../application/ports/payment-gateway.ts';

/** The same gateway, with one line for each call that it answers or fails to; whoever called says what follows from it. */
export function logCalls(gateway: PaymentGateway, logger: Logger): PaymentGateway {
  async function logged<T>(operation: string, call: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const tell = (outcome: string) => {
      const durationMs = Math.round(performance.now() - start);
      logger.info({ operation, outcome, durationMs }, 'payment provider called');
    };
    try {
      const result = await call();
      tell('ok');
      return result;
    } catch (error) {
      tell(toAppError(error).code);
      throw error;
    }
  }
  return {
    charge: (request) => logged('charge', () => gateway.charge(request)),
    lookup: (request) => logged('lookup', () => gateway.lookup(request)),
    cancel: (request) => logged('cancel', () => gateway.cancel(request)),
    refund: (request) => logged('refund', () => gateway.refund(request)),
  };
}
