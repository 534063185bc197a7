import type { Logger } from '#shared/observability/logger.ts';
import type { ProcessorServiceConfig } from '../config.ts';
import { createHttpPaymentGateway } from '../infrastructure/payment/http-payment-gateway.ts';
import { logCalls } from '../infrastructure/payment/logged-gateway.ts';
import { measureCircuit, measureGateway } from '../infrastructure/payment/measured-gateway.ts';
import { createPaymentBreaker, type PaymentBreaker } from '../infrastructure/payment/payment-breaker.ts';

export interface Payment {
  readonly gateway: PaymentBreaker;
  close(): Promise<void>;
}

/**
 * Puts the way to the payment provider together.
 *
 * @param parts.onOpen called when the provider is found to be away
 * @param parts.onRetry called when it is asked again
 */
export function createPayment(parts: {
  config: ProcessorServiceConfig;
  onOpen: () => void;
  onRetry: () => void;
  logger: Logger;
}): Payment {
  const { config, onOpen, onRetry, logger } = parts;
  const provider = createHttpPaymentGateway({
    baseUrl: config.PAYMENT_URL,
    timeoutMs: config.PAYMENT_TIMEOUT_MS,
    connections: config.PROCESSOR_CONCURRENCY + config.REQUESTS_CONCURRENCY,
  });
  const gateway = createPaymentBreaker({
    gateway: measureGateway(logCalls(provider, logger)),
    failures: config.PAYMENT_BREAKER_FAILURES,
    openMs: config.PAYMENT_BREAKER_OPEN_MS,
    onOpen,
    onRetry,
    logger,
  });
  measureCircuit(gateway);
  return { gateway, close: provider.close };
}
