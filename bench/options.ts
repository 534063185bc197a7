import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** Orders of the end-to-end phase. */
  readonly orders: number;
  /** Requests under way at the same time while orders are posted as fast as they are accepted. */
  readonly callers: number;
  /** Every order takes the same SKU, instead of the hundred in turn. */
  readonly hotSku: boolean;
  /** Every request has an idempotency key. */
  readonly keys: boolean;
  /** Records where the CPU time of the end-to-end phase goes, which slows it down. */
  readonly profile: boolean;
  readonly warmUpOrders: number;
  readonly referenceSeconds: number;
  readonly acceptSeconds: number;
  readonly lightLoad: { readonly ordersPerSecond: number; readonly seconds: number };
}

export const usage = `npm run bench -- [options]

  --orders N    orders of the end-to-end phase (10000)
  --callers N   concurrent callers (32)
  --hot-sku     all orders take the same SKU
  --keys        every request has an idempotency key
  --quick       2000 orders and shorter phases, for a look
  --profile     record CPU profiles of the services and the statements of PostgreSQL, end to end only
  --help`;

/** The command line is not what the bench understands. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * Reads the command line; `undefined` when only help was asked for.
 *
 * @throws UsageError
 */
export function parseOptions(args: readonly string[]): BenchOptions | undefined {
  const { help, quick, orders, callers, 'hot-sku': hotSku, keys, profile } = parse(args);
  if (help) return undefined;
  return {
    orders: positiveInteger('--orders', orders ?? (quick ? '2000' : '10000')),
    callers: positiveInteger('--callers', callers),
    hotSku,
    keys,
    profile,
    warmUpOrders: quick ? 500 : 2_000,
    referenceSeconds: quick ? 2 : 4,
    // Bounded also because the broker would give up a processor that pauses for longer than two heartbeats.
    acceptSeconds: quick ? 1.5 : 4,
    lightLoad: { ordersPerSecond: 20, seconds: quick ? 3 : 8 },
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        orders: { type: 'string' },
        callers: { type: 'string', default: '32' },
        'hot-sku': { type: 'boolean', default: false },
        keys: { type: 'boolean', default: false },
        quick: { type: 'boolean', default: false },
        profile: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function positiveInteger(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new UsageError(`${name} has to be a positive number.`);
  return value;
}
