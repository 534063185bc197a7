import { randomBytes } from 'node:crypto';
import { brokerOf } from './broker.ts';
import { createCustomer } from './customer.ts';
import { createEventually } from './eventually.ts';
import { asking } from './http.ts';
import type { Narrator } from './narrator.ts';
import { createOperator } from './operator.ts';
import { createProvider } from './provider.ts';
import type { RunningSystem } from './running-system.ts';
import type { Stage } from './story.ts';
import { createVerify } from './verify.ts';

/**
 * Everybody who takes part in a run, with names that no other run has.
 *
 * @param dir folder of the local stack
 * @param leaving ends whatever is waited for
 */
export async function setStage(options: {
  dir: string;
  system: RunningSystem;
  narrator: Narrator;
  leaving: AbortSignal;
}): Promise<Stage> {
  const { dir, system, narrator, leaving } = options;
  const { orderService, processorService, paymentSandbox } = system.stack;
  const run = randomBytes(3).toString('hex');
  const eventually = createEventually(leaving);
  const identity = await system.identify(`demo-${run}`, 'orders:read orders:write orders:admin ops');
  const operator = createOperator({
    orders: asking('order-service', orderService, identity),
    processors: asking('processor-service', processorService, identity),
    narrator,
    run,
  });
  const provider = createProvider({ ask: asking('payment-sandbox', paymentSandbox), narrator });
  return {
    operator,
    provider,
    broker: brokerOf(dir, system.stack, narrator),
    narrator,
    eventually,
    verify: createVerify({ operator, provider, eventually, narrator }),
    async customer(name) {
      const id = `${name}-${run}`;
      const headers = await system.identify(id, 'orders:read orders:write');
      const ask = asking('order-service', orderService, headers);
      return createCustomer({ name, id, ask, eventually, narrator });
    },
  };
}
