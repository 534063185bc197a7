import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { PrismaPg } from '@prisma/adapter-pg';
import type { Pool } from 'pg';
import { type Audit, createAudit } from '#processor-service/application/audit.ts';
import type {
  IntendedAction,
  OperatorAction,
  OperatorActions,
} from '#processor-service/application/ports/operator-actions.ts';
import { PrismaClient } from '#processor-service/infrastructure/postgres/generated/client.ts';
import { createOperatorActions } from '#processor-service/infrastructure/postgres/operator-actions.ts';
import { parseOrderMessage } from '#shared/contracts/order-events.ts';
import { systemClock } from '#shared/kernel/clock.ts';
import { AppError } from '#shared/kernel/errors.ts';
import { newId } from '#shared/kernel/ids.ts';
import { createPool } from '#shared/postgres/pool.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { testLogger } from './support/logger.ts';

let database: TestDatabase;
let pool: Pool;
let prisma: PrismaClient;
let actions: OperatorActions;
let audit: Audit;

beforeAll(async () => {
  database = await createTestDatabase('processor');
  pool = createPool({ url: database.url, applicationName: 'test', maxConnections: 25, logger: testLogger });
  prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
  actions = createOperatorActions({ pool, prisma });
  audit = createAudit({ actions, clock: systemClock });
});
beforeEach(async () => {
  await database.pool.query('TRUNCATE operator_actions, outbox');
});
afterAll(async () => {
  await prisma.$disconnect();
  await pool.end();
  await database.drop();
});

function replayOf(messageId: string, more: Partial<IntendedAction> = {}): IntendedAction {
  const letter = {
    messageId,
    queue: 'q.dlq',
    replayCount: 1,
    failedAt: new Date('2026-11-21T10:00:00.123Z'),
    digest: 'digest',
  };
  return { action: 'replay', operator: 'alice', letter, orderId: newId(), ...more };
}

async function intendOne(action: IntendedAction): Promise<OperatorAction> {
  return (await audit.intend([action]))[0]!;
}

async function announced() {
  const { rows } = await database.pool.query<{ payload: string }>('SELECT payload FROM outbox ORDER BY id');
  return rows.map(({ payload }) => parseOrderMessage(Buffer.from(payload)));
}

describe('the audit', () => {
  test('writes an action down before it is done, and announces it once it is', async () => {
    const wish: IntendedAction = {
      ...replayOf('message-1', { reason: 'because', type: 'order.created.v1', errorCode: 'INTERNAL' }),
      fingerprint: 'abc',
    };
    const action = await intendOne(wish);
    expect(action).toMatchObject({ ...wish, outcome: 'intended', error: null });
    expect(await announced()).toEqual([]);

    const trace = { correlationId: 'c-1', traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01` };
    await audit.done([{ action, trace }]);
    expect(await actions.list({ messageId: 'message-1', limit: 10 })).toEqual([
      { ...action, outcome: 'done' },
    ]);
    expect(await announced()).toEqual([
      expect.objectContaining({
        type: 'order.operator_acted.v1',
        subject: wish.orderId,
        sequence: action.id,
        correlationid: 'c-1',
        data: {
          action: 'replayed',
          operator: 'alice',
          queue: 'q.dlq',
          messageId: 'message-1',
          errorCode: 'INTERNAL',
          reason: 'because',
        },
      }),
    ]);
  });

  test('says nothing to anybody where no order is known', async () => {
    const action = await intendOne(replayOf('rubbish', { orderId: undefined }));
    await audit.done([{ action }]);
    expect(await announced()).toEqual([]);
    expect(await actions.list({ limit: 10 })).toMatchObject([{ outcome: 'done' }]);
  });

  test('has one line for what twenty intend at the same moment, and announces it once', async () => {
    const wish = replayOf('message-1');
    const intended = await Promise.all(
      Array.from({ length: 20 }, (_, index) => intendOne({ ...wish, operator: `operator-${index}` })),
    );
    expect(new Set(intended.map(({ id, operator }) => `${id} ${operator}`)).size).toBe(1);
    await Promise.all(intended.map((action) => audit.done([{ action }])));
    expect(await announced()).toHaveLength(1);
    expect((await intendOne(wish)).outcome).toBe('done');
  });

  test.each<[string, Partial<IntendedAction>]>([
    ['another message', { letter: { ...replayOf('').letter!, messageId: 'message-2' } }],
    ['another queue', { letter: { ...replayOf('message-1').letter!, queue: 'other.dlq' } }],
    ['a later life of the message', { letter: { ...replayOf('message-1').letter!, replayCount: 2 } }],
    ['a copy that died later', { letter: { ...replayOf('message-1').letter!, failedAt: new Date() } }],
    ['one that shares nothing but the id', { letter: { ...replayOf('message-1').letter!, digest: 'other' } }],
    ['another thing to do', { action: 'discard' }],
    ['another edit', { action: 'edit', replacedBy: newId() }],
  ])('has a line of its own for %s', async (_, other) => {
    const [first, second] = await audit.intend([replayOf('message-1'), replayOf('message-1', other)]);
    expect(second!.id).not.toBe(first!.id);
  });

  test('has one line for two copies of a letter in one set, in the order of the request', async () => {
    const [a, b, c] = await audit.intend(['a', 'b', 'a'].map((id) => replayOf(id)));
    expect([a, b, c].map((action) => action!.letter!.messageId)).toEqual(['a', 'b', 'a']);
    expect(c!.id).toBe(a!.id);
  });

  test('keeps an attempt that failed, and has another line for the next one', async () => {
    const refused = new AppError({
      code: 'PUBLISH_REFUSED',
      kind: 'transient',
      message: 'the broker said no',
    });
    const first = await intendOne(replayOf('message-1'));
    await audit.failed(first, refused);
    const second = await intendOne(replayOf('message-1', { operator: 'bob' }));
    await audit.done([{ action: second }]);
    expect(await actions.list({ limit: 10 })).toMatchObject([
      { id: second.id, operator: 'bob', outcome: 'done', error: null },
      { id: first.id, operator: 'alice', outcome: 'failed', error: 'PUBLISH_REFUSED: the broker said no' },
    ]);
  });

  test('goes on with an attempt of which nobody knows how it ended', async () => {
    const lost = new AppError({ code: 'PUBLISH_UNCONFIRMED', kind: 'transient', message: 'no answer' });
    const first = await intendOne(replayOf('message-1'));
    await audit.failed(first, lost, { isUnknown: true });
    const again = await intendOne(replayOf('message-1', { operator: 'bob' }));
    expect(again).toMatchObject({ id: first.id, operator: 'alice', error: 'PUBLISH_UNCONFIRMED: no answer' });
  });

  test('keeps whatever a message contained', async () => {
    const original = { headers: { 'x-odd': 'a\u0000b', n: [1] }, body: '\u0000', encoding: 'utf8' as const };
    const action = await intendOne(replayOf('odd\u0000id', { action: 'discard', original }));
    expect(action.original).toEqual({
      headers: { 'x-odd': 'a\ufffdb', n: [1] },
      body: '\ufffd',
      encoding: 'utf8',
    });
    expect(await actions.list({ messageId: 'odd\u0000id', limit: 1 })).toMatchObject([{ id: action.id }]);
  });
});
