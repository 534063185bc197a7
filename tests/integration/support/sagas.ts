import type { SagaRepository } from '#processor-service/application/ports/saga-repository.ts';
import {
  createTakeSagaSteps,
  type ProcessingRequest,
  type SagaStep,
  type StepResult,
} from '#processor-service/application/take-saga-steps.ts';
import type { Patience } from '#processor-service/domain/saga-events.ts';
import { createSagaRepository } from '#processor-service/infrastructure/postgres/saga-repository.ts';
import { systemClock } from '#shared/kernel/clock.ts';
import { newId } from '#shared/kernel/ids.ts';
import { newTraceparent } from '#shared/observability/trace-context.ts';
import { createPool } from '#shared/postgres/pool.ts';
import { testLogger } from './logger.ts';

/** A repository and what the application does with it, on connections of its own, as in one replica of the service. */
export interface OpenSagaRepository {
  readonly sagas: SagaRepository;
  takeSteps(steps: readonly SagaStep[]): Promise<readonly StepResult[]>;
  close(): Promise<void>;
}

const patience: Patience = { processingMs: 60_000, paymentWindowMs: 60_000, handsOnMs: 30_000 };

export function openSagaRepository(url: string, maxConnections = 10): OpenSagaRepository {
  const pool = createPool({ url, applicationName: 'test', maxConnections, logger: testLogger });
  const sagas = createSagaRepository({ pool });
  return {
    sagas,
    takeSteps: createTakeSagaSteps({ sagas, clock: systemClock, patience }),
    close: () => pool.end(),
  };
}

/** Asks for an order of these quantities by SKU to be processed. */
export function requestOf(quantities: Readonly<Record<string, number>>): ProcessingRequest {
  return {
    order: {
      orderId: newId(),
      customerId: 'customer-1',
      currency: 'EUR',
      totalMinor: 1_999,
      items: Object.entries(quantities).map(([sku, quantity]) => ({ sku, quantity })),
    },
    messageId: newId(),
    correlationId: newId(),
    traceparent: newTraceparent(),
    replays: 0,
    paymentRequested: false,
  };
}

export function beginOf(request: ProcessingRequest): SagaStep {
  return { request, event: 'begin' };
}
