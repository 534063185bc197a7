import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { deadLetterQueueOf, queues } from '#shared/contracts/topology.ts';
import { eventually } from '../support/eventually.ts';
import { checkInvariants } from '../support/invariants.ts';
import { endsOf, line, placeAll, type Wish } from '../support/load.ts';
import { sandboxClient } from '../support/sandbox.ts';
import { queueDepths, settled } from '../support/settled.ts';
import { createTestSystem, type TestSystem } from '../support/system.ts';
import { type Witness, watch } from '../support/witness.ts';

const concurrency = 2;
const failures = 2;
const orders = 8;
/** A short ladder: whoever burns attempts is soon at its end. */
const retryDelaysMs = [100];

let system: TestSystem;
let witness: Witness;
let sandbox: ReturnType<typeof sandboxClient>;

beforeAll(async () => {
  system = await createTestSystem({
    retryDelaysMs,
    settings: {
      LOG_LEVEL: 'debug',
      PROCESSOR_CONCURRENCY: String(concurrency),
      PAYMENT_TIMEOUT_MS: '100',
      PAYMENT_BREAKER_FAILURES: String(failures),
      PAYMENT_BREAKER_OPEN_MS: '100',
    },
  });
  witness = await watch(system);
  sandbox = sandboxClient(system.urls.sandbox);
});
afterEach(async () => {
  await settled(system);
  expect(await checkInvariants(system, witness)).toEqual([]);
});
afterAll(() => system?.dispose());

const fine: Wish = { request: { items: [line('SKU-001', 1, 700)] }, end: 'completed' };
const wishes = (count: number): readonly Wish[] => Array.from({ length: count }, () => fine);

async function readiness(): Promise<unknown> {
  const response = await fetch(`${system.urls.processor}/health/ready`);
  return [response.status, await response.json()];
}

function readinessWith(payment: 'up' | 'down', circuit: string | RegExp): unknown {
  const status = payment === 'up' ? 'ready' : 'degraded';
  const detail = { payment: { circuit: expect.stringMatching(circuit) } };
  const required = ['database', 'broker'];
  return [200, { status, checks: { database: 'up', broker: 'up', payment }, required, detail }];
}

const logged = (what: string): number =>
  system.logOf('processor').filter((entry) => entry.includes(what)).length;

async function waiting(): Promise<number | undefined> {
  return (await queueDepths(system.broker.url, [queues.orderCreated])).get(queues.orderCreated);
}

const deadLetters = () => system.broker.count(deadLetterQueueOf(queues.orderCreated));

test.each<[string, () => Promise<unknown>, () => Promise<unknown>]>([
  ['is dead', () => system.kill('sandbox'), () => system.start('sandbox')],
  ['answers everything with 500', () => sandbox.force('error_before'), () => sandbox.lift()],
  ['never answers', () => sandbox.force('timeout_before'), () => sandbox.lift()],
  ['takes the money and does not say so', () => sandbox.force('error_after'), () => sandbox.lift()],
])(
  'a provider that %s for longer than the ladder costs no order anything but time',
  async (_how, leave, comeBack) => {
    const [probesBefore, retriesBefore, opened, closed] = [
      logged('"circuit":"half-open"'),
      logged('message will be retried'),
      logged('payment provider does not answer'),
      logged('payment provider answers again'),
    ];
    await leave();
    const answers = await placeAll(witness, wishes(orders));

    // More probes than all orders have attempts: if each cost one, some order would have none left.
    const attempts = orders * (retryDelaysMs.length + 1);
    await eventually(() => logged('"circuit":"half-open"') - probesBefore > attempts, { withinMs: 30_000 });
    expect(await readiness()).toEqual(readinessWith('down', /^(half-)?open$/));
    // The others are in hand, from before the last pause.
    await eventually(async () => expect(await waiting()).toBeGreaterThanOrEqual(orders - concurrency));
    expect(logged('message will be retried') - retriesBefore).toBeLessThan(failures);
    expect(await deadLetters()).toBe(0);

    await comeBack();
    await eventually(async () =>
      expect(await endsOf(system, answers)).toEqual(answers.map(() => 'completed')),
    );
    expect(await readiness()).toEqual(readinessWith('up', 'closed'));
    expect(await deadLetters()).toBe(0);
    expect(logged('payment provider does not answer') - opened).toBe(1);
    expect(logged('payment provider answers again') - closed).toBe(1);
    const movements = await Promise.all(
      answers.map(async (answer) => (answer.outcome === 'accepted' ? sandbox.movements(answer.orderId) : [])),
    );
    expect(movements).toEqual(answers.map(() => ['captured 700']));
  },
);

test('a processor that does not reach the provider leaves orders to one that does', async () => {
  await system.stop('processor');
  await system.start('processor', {
    PAYMENT_URL: 'http://127.0.0.1:1',
    PAYMENT_BREAKER_OPEN_MS: '600000',
    // It could take them all.
    PROCESSOR_CONCURRENCY: '100',
  });
  const first = await placeAll(witness, wishes(failures));
  await eventually(async () => expect(await readiness()).toEqual(readinessWith('down', 'open')));
  const later = await placeAll(witness, wishes(orders));
  // Those that failed before it opened, and the one that opened it, are back as well.
  await eventually(async () => expect(await waiting()).toBe(failures + orders));

  await system.startReplica('processor');
  await eventually(async () => expect(await endsOf(system, later)).toEqual(later.map(() => 'completed')));
  await system.stop('processor');
  await eventually(async () => expect(await endsOf(system, first)).toEqual(first.map(() => 'completed')));
});
