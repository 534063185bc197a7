import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomically } from './atomic-write.ts';

/** Where the parts of a running stack are: what `.local/stack.json` says to tools and tests. */
export interface StackDescription {
  /** Base URLs without a trailing slash. */
  readonly orderService: string;
  /** `host:port` of the order-service's gRPC API. */
  readonly orderGrpc: string;
  readonly processorService: string;
  readonly paymentSandbox: string;
  /** As the broker's operator. */
  readonly amqpUrl: string;
  /** Management console and HTTP API of the broker. */
  readonly managementUrl: string;
  readonly orderDatabaseUrl: string;
  readonly processorDatabaseUrl: string;
  /** Process ids of what the stack itself started, by name; the number changes when something is restarted. */
  readonly pids: Readonly<Record<string, number>>;
}

const fileIn = (dir: string) => join(dir, 'stack.json');

export function writeStackFile(dir: string, stack: StackDescription): void {
  writeFileAtomically(fileIn(dir), `${JSON.stringify(stack, null, 2)}\n`);
}

/** The stack that runs out of this folder, or undefined when there is none. */
export function readStackFile(dir: string): StackDescription | undefined {
  try {
    return JSON.parse(readFileSync(fileIn(dir), 'utf8')) as StackDescription;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export function removeStackFile(dir: string): void {
  rmSync(fileIn(dir), { force: true });
}
