import { Gauge, Histogram } from 'prom-client';
import { toAppError } from '#shared/kernel/errors.ts';
import { durationBuckets, metricsRegistry, secondsSince } from '#shared/metrics/registry.ts';
import type { PaymentGateway } from '../../application/ports/payment-gateway.ts';
import type { Circuit } from './payment-breaker.ts';

const duration = new Histogram({
  name: 'oms_payment_call_duration_seconds',
  help: 'Calls to the payment provider by what they asked and how they ended: ok, or the code of the error',
  labelNames: ['operation', 'outcome'],
  buckets: durationBuckets,
});

/** The same gateway, with a clock beside it. */
export function measureGateway(gateway: PaymentGateway): PaymentGateway {
  async function measured<T>(operation: string, call: () => Promise<T>): Promise<T> {
    const start = performance.now();
    try {
      const result = await call();
      duration.observe({ operation, outcome: 'ok' }, secondsSince(start));
      return result;
    } catch (error) {
      duration.observe({ operation, outcome: toAppError(error).code }, secondsSince(start));
      throw error;
    }
  }
  return {
    charge: (request) => measured('charge', () => gateway.charge(request)),
    lookup: (request) => measured('lookup', () => gateway.lookup(request)),
    cancel: (request) => measured('cancel', () => gateway.cancel(request)),
    refund: (request) => measured('refund', () => gateway.refund(request)),
  };
}

/** Tells the state of the circuit breaker whenever metrics are asked for. */
export function measureCircuit({ circuit }: { circuit(): Circuit }): void {
  metricsRegistry.registerMetric(
    new Gauge({
      name: 'oms_payment_circuit_state',
      help: 'The circuit breaker round the payment provider: 1 for the state that it is in',
      labelNames: ['state'],
      collect() {
        for (const state of ['closed', 'half-open', 'open']) this.set({ state }, Number(circuit() === state));
      },
      registers: [],
    }),
  );
}
