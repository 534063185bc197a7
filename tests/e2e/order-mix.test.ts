import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, test } from '@jest/globals';
import { reportOf, runAudit } from '../support/audit-command.ts';
import { everFoundBy } from '../support/audits.ts';
import { dlqCommand } from '../support/dlq-command.ts';
import { eventually } from '../support/eventually.ts';
import { checkInvariants } from '../support/invariants.ts';
import { line, magicAmounts } from '../support/load.ts';
import { settled } from '../support/settled.ts';
import { createTestSystem, type TestSystem } from '../support/system.ts';
import { type OrderRequest, type WishName, type Witness, watch } from '../support/witness.ts';

let system: TestSystem;

afterEach(() => system?.dispose());

/** A provider that is slow enough for everything to meet in the middle of a charge. */
const settings = {
  PAYMENT_TIMEOUT_MS: '300',
  SANDBOX_SLOW_MS: '150',
  PAYMENT_BREAKER_FAILURES: '20',
  // With hardly a pause between its runs, the auditor in each service sees everything half done.
  AUDIT_INTERVAL_MS: '50',
};

/** Half of them are fine, if not always fast. */
const amounts = [
  ...Array<number>(5).fill(1_500),
  ...Array<number>(5).fill(magicAmounts.slow),
  magicAmounts.declined,
  magicAmounts.failsTwice,
  magicAmounts.failsAfterCharging,
  magicAmounts.hangsUpAfterCharging,
  magicAmounts.neverAnswersAfterCharging,
  magicAmounts.failsAlways,
  magicAmounts.failsTwiceToGiveBack,
  magicAmounts.failsAfterGivingBack,
];
const wishNames: readonly WishName[] = ['cancel', 'pay', 'refund', 'refund', 'refund', 'fulfil'];

/** Pseudo-random numbers that are the same for the same seed (mulberry32), so that a mix that fails can be had again. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % sides;
  };
}

/** One customer's order, and everything that is asked of it, in this order but without waiting for what came of it. */
interface Mix {
  readonly request: OrderRequest;
  readonly wishes: readonly {
    wish: WishName;
    body?: { amountMinor?: number; refundId?: string };
    pauseMs: number;
  }[];
}

function mixesOf(seed: number, count: number): readonly Mix[] {
  const roll = dice(seed);
  return Array.from({ length: count }, () => {
    const amountMinor = amounts[roll(amounts.length)] as number;
    const skus = [`SKU-0${10 + roll(3)}`, `SKU-0${13 + roll(3)}`];
    return {
      request: {
        payment: roll(2) === 0 ? 'automatic' : 'manual',
        items: [line(skus[0] as string, 1, amountMinor), line(skus[1] as string, 1 + roll(3), 0)],
      },
      wishes: Array.from({ length: 3 + roll(6) }, () => {
        const wish = wishNames[roll(wishNames.length)] as WishName;
        const isPart = wish === 'refund' && roll(3) > 0;
        // Parts of a third and more: three of them are too much.
        const part = { amountMinor: Math.ceil(amountMinor / 3) + roll(50), refundId: randomUUID() };
        return {
          wish,
          pauseMs: [0, 0, 5, 40, 150, 400][roll(6)] as number,
          ...(isPart ? { body: part } : {}),
        };
      }),
    };
  });
}

/** Plays a mix: every wish twice at the same moment, as impatient customers do. */
async function play(witness: Witness, { request, wishes }: Mix, baseUrl?: string): Promise<void> {
  const answer = await witness.place(request, baseUrl);
  if (answer.outcome !== 'accepted') return;
  await Promise.all(
    wishes.map(async ({ wish, body = {}, pauseMs }) => {
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      await Promise.all(
        [0, 1].map(() => witness.ask(answer.orderId, wish, { body, ...(baseUrl ? { baseUrl } : {}) })),
      );
    }),
  );
}

/**
 * Waits for the end of everything, and holds it to everything that is promised. On the way operators replay what was
 * given up while customers still change their minds, and audit: there is nothing to find at any time.
 */
async function expectRight(witness: Witness, playing: Promise<unknown>): Promise<void> {
  let isPlaying = true;
  void playing.finally(() => (isPlaying = false)).catch(() => undefined);
  const desk = { brokerUrl: system.broker.url, databaseUrl: system.processorDatabase.url };
  for (let round = 0; isPlaying || round < 2; round += 1) {
    const audit = runAudit(system, ['--json']);
    await dlqCommand(desk, 'replay', '--all');
    expect(reportOf(await audit).findings).toEqual([]);
  }
  await playing;
  await settled(system, { withinMs: 60_000 });
  expect(await checkInvariants(system, witness)).toEqual([]);
  expect(reportOf(await runAudit(system, ['--json'])).findings).toEqual([]);
  expect([...everFoundBy(system, 'order'), ...everFoundBy(system, 'processor')]).toEqual([]);
  const { rows } = await system.orderDatabase.pool.query<{ status: string }>('SELECT status FROM orders');
  const ends = new Set(rows.map(({ status }) => status));
  // A mix in which nothing of the kind happened would prove nothing.
  expect([...ends]).toEqual(
    expect.arrayContaining(['completed', 'fulfilled', 'refunded', 'cancelled', 'failed', 'reserved']),
  );
}

describe('a hundred orders that are placed, cancelled, paid, refunded and fulfilled all at once end right', () => {
  test('at one process of each service', async () => {
    system = await createTestSystem({ settings });
    const witness = await watch(system);
    await expectRight(witness, Promise.all(mixesOf(2, 100).map((mix) => play(witness, mix))));
    expect(witness.log.every(({ answer }) => answer.outcome === 'accepted')).toBe(true);
  });

  test('at two processes of each service, one of each killed in the middle', async () => {
    system = await createTestSystem({ settings });
    const [order] = await Promise.all([system.startReplica('order'), system.startReplica('processor')]);
    const witness = await watch(system);
    const mixes = mixesOf(3, 100);
    const playing = Promise.all([
      ...mixes.map((mix, index) => play(witness, mix, index % 2 === 0 ? system.urls.order : order.url)),
      eventually(() => witness.wishes.length > 100).then(async () => {
        await system.kill('processor');
        await eventually(() => witness.wishes.length > 300);
        await system.kill('order');
      }),
    ]);
    await expectRight(witness, playing);
  });
});
