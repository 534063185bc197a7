import { openProcessRegister } from '#scripts/local-stack/process-register.ts';
import type { StackDescription } from '#scripts/local-stack/stack-file.ts';
import { registerFile } from '#scripts/local-stack/take-over.ts';
import type { Narrator } from './narrator.ts';

/** The name under which the stack records its broker. */
const brokerProcess = 'rabbitmq';

/**
 * The broker that `npm start` runs and starts again whenever it ends: whoever stops it owes nothing, not even if he is
 * interrupted.
 */
export interface BrokerOfTheStack {
  /** Asks it to end and waits until it has. */
  stop(): Promise<void>;
}

/** Undefined where the stack was given a broker, which is not ours to stop. */
export function brokerOf(
  dir: string,
  stack: StackDescription,
  narrator: Narrator,
): BrokerOfTheStack | undefined {
  if (stack.pids[brokerProcess] === undefined) return undefined;
  return {
    async stop() {
      const pid = await openProcessRegister(registerFile(dir)).stop(brokerProcess);
      narrator.step(
        'operator',
        `stops RabbitMQ (process ${pid})`,
        'it is gone; npm start will start it again',
      );
    },
  };
}
