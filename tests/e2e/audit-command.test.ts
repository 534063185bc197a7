import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { reportOf, runAudit } from '../support/audit-command.ts';
import { dlqCommand } from '../support/dlq-command.ts';
import { line, mixedWishes, placeAll, placeOne } from '../support/load.ts';
import { sandboxClient } from '../support/sandbox.ts';
import { settled } from '../support/settled.ts';
import { createTestSystem, orderClient, type TestSystem } from '../support/system.ts';
import { type Witness, watch } from '../support/witness.ts';

/** Of which one in ten leaves a dead letter. */
const placed = 150;

let system: TestSystem;
let witness: Witness;

beforeAll(async () => {
  system = await createTestSystem({ settings: { PAYMENT_TIMEOUT_MS: '300' } });
  witness = await watch(system);
});
afterAll(() => system?.dispose());

const place = (amountMinor = 1_400): Promise<string> => placeOne(witness, line('SKU-010', 1, amountMinor));
const dlq = (...args: readonly string[]) =>
  dlqCommand({ brokerUrl: system.broker.url, databaseUrl: system.processorDatabase.url }, ...args);
const becomes = (id: string, status: string) => orderClient(system.urls.order).becomes(id, status);

test('finds nothing at any time while orders are under way', async () => {
  let isOver = false;
  const load = placeAll(witness, mixedWishes(placed)).finally(() => {
    isOver = true;
  });
  let audits = 0;
  while (!isOver || audits < 2) {
    const run = await runAudit(system, ['--json']);
    expect([reportOf(run).findings, run.code]).toEqual([[], 0]);
    audits += 1;
  }
  await load;
});

test('finds nothing once all kinds of orders have come to rest, and says what it cannot tell', async () => {
  const [late, early] = [await place(), await place()];
  await witness.ask(early, 'cancel');
  await becomes(late, 'completed');
  await witness.ask(late, 'refund');
  const provider = sandboxClient(system.urls.sandbox);
  await provider.force('error_before', { operations: ['charge'] });
  const unlucky = await place();
  await becomes(unlucky, 'failed');
  await settled(system);
  expect(reportOf(await runAudit(system, ['--json'])).findings).toEqual([]);
  await provider.lift();
  await dlq('replay', '--order', unlucky);
  await becomes(unlucky, 'completed');
  await settled(system);

  const run = await runAudit(system, []);
  expect([run.code, run.stderr]).toEqual([0, '']);
  const verdicts = run.stdout.split('\n').filter((text) => /^I\d/.test(text));
  const statuses = verdicts.map((text) => text.split(/\s+/).slice(0, 2).join(' '));
  expect(statuses).toHaveLength(13);
  expect(statuses.filter((text) => !text.endsWith(' holds'))).toEqual(['I3 untold', 'I13 untold']);
  const { counts } = reportOf(await runAudit(system, ['--json']));
  expect(counts.orders).toBe(placed + 3);
  expect(counts.messages).toBeGreaterThan(placed + 3);
});

test('of a window looks only at what is new in it, old orders with news included, and at the dead letters', async () => {
  const old = await place();
  await becomes(old, 'completed');
  await settled(system);
  const since = new Date().toISOString();
  await witness.ask(old, 'refund');
  const fresh = await place();
  await becomes(fresh, 'completed');
  await settled(system);
  const { counts, findings } = reportOf(await runAudit(system, ['--json', '--since', since]));
  expect([counts.orders, findings]).toEqual([2 + placed / 10, []]);
});

test('names the order of which money is missing', async () => {
  const id = await place();
  await becomes(id, 'completed');
  await fetch(`${system.urls.sandbox}/payments/by-key/${id}:charge:0/cancel`, { method: 'POST' });
  const run = await runAudit(system, ['--patience', '0']);
  expect(run.code).toBe(1);
  expect(run.stdout).toContain('I4  broken');
  expect(run.stdout).toContain(`      ${id} is completed and cost 0 instead of 1400`);
});

test('does not say that all is well when it could not ask everybody', async () => {
  const nobody = { PAYMENT_URL: 'http://127.0.0.1:9', AMQP_URL: 'amqp://127.0.0.1:9' };
  const run = await runAudit(system, ['--json', '--patience', '0'], nobody);
  const { invariants, silent, findings } = reportOf(run);
  expect([run.code, findings]).toEqual([2, []]);
  expect(silent.map(({ witness: name }) => name)).toEqual([
    'the dead-letter queues',
    "the provider's ledger",
    'the event log',
  ]);
  const untold = invariants.filter(({ status }) => status === 'untold').map(({ invariant }) => invariant);
  expect(untold).toEqual(['I3', 'I4', 'I6', 'I9', 'I10', 'I13']);
  expect((await runAudit(system, [], { ORDER_DATABASE_URL: 'postgresql://127.0.0.1:9/o' })).code).toBe(2);
});

test.each([['--since', 'yesterday'], ['--overdue', 'soon'], ['--what']])('refuses %s %s', async (...args) => {
  const { code, stdout, stderr } = await runAudit(system, args);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(args[0]);
});
