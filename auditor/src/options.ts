import { parseArgs } from 'node:util';
import { z } from 'zod';

export const usage = `npm run audit:invariants -- [options]

Holds both databases, the provider's ledger, the dead letters and the event log against each other.
Changes nothing. Ends with 0: everything holds; 1: something is broken; 2: somebody could not be asked.

  --since <time>       only what is new since then: 2026-11-21T12:00:00Z, or 90m, 24h, 7d ago
  --overdue <minutes>  after how long without a change something counts as stuck (60)
  --patience <seconds> how long a finding may take to turn out as something in flight (30)
  --json               the report as JSON
  --help

Where everything is: ORDER_DATABASE_URL, PROCESSOR_DATABASE_URL, PAYMENT_URL and, as the broker's operator,
AMQP_URL; by default what a running npm start says. OUTBOX_RETENTION_HOURS as the services have it (168).`;

export interface Options {
  readonly since: number | undefined;
  readonly overdueMs: number;
  readonly patienceMs: number;
  readonly json: boolean;
}

/** What is wrong with the command line. */
export class WrongUse extends Error {
  override readonly name = 'WrongUse';
}

const count = z.coerce.number().nonnegative();

/** @returns `undefined` when help is wanted @throws WrongUse */
export function readOptions(args: readonly string[], now: number): Options | undefined {
  const { values } = parse(args);
  if (values.help) return undefined;
  const numberOf = (name: 'overdue' | 'patience', otherwise: number): number => {
    const { success, data } = count.safeParse(values[name] ?? otherwise);
    if (!success) throw new WrongUse(`--${name} has to be a number`);
    return data;
  };
  return {
    since: values.since === undefined ? undefined : readTime(values.since, now),
    overdueMs: numberOf('overdue', 60) * 60_000,
    patienceMs: numberOf('patience', 30) * 1_000,
    json: values.json,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        since: { type: 'string' },
        overdue: { type: 'string' },
        patience: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new WrongUse((error as Error).message);
  }
}

const unitMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

function readTime(text: string, now: number): number {
  const [, amount, unit = ''] = /^(\d+)([mhd])$/.exec(text) ?? [];
  const time = amount === undefined ? Date.parse(text) : now - Number(amount) * (unitMs[unit] ?? 0);
  if (Number.isNaN(time)) throw new WrongUse(`--since ${text}: neither a time nor a duration`);
  return time;
}
