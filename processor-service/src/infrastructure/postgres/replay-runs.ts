import { withDatabaseErrors } from '#shared/postgres/database-errors.ts';
import type { ReplayRun, ReplayRuns } from '../../application/ports/replay-runs.ts';
import type { PrismaClient } from './generated/client.ts';
import type { ReplayRunModel } from './generated/models.ts';

/** Whoever carries a run out says so every few seconds; after this long without a word it counts as interrupted. */
const silenceMs = 15_000;

/** The replays of several letters in processor_db. */
export function createReplayRuns(dependencies: { prisma: PrismaClient }): ReplayRuns {
  const { replayRun } = dependencies.prisma;
  return {
    create: ({ id, operator, selection, ratePerSecond, at }) =>
      withDatabaseErrors(async () => {
        await replayRun.create({
          data: {
            id,
            operator,
            selection: selection as object,
            status: 'running',
            ratePerSecond,
            startedAt: at,
            updatedAt: at,
          },
        });
      }),

    find: (id, now) =>
      withDatabaseErrors(async () => {
        const found = await replayRun.findUnique({ where: { id } });
        return found ? fromModel(found, now) : undefined;
      }),

    list: ({ limit, now }) =>
      withDatabaseErrors(async () => {
        const found = await replayRun.findMany({ orderBy: { startedAt: 'desc' }, take: limit });
        return found.map((model) => fromModel(model, now));
      }),

    beat: (id, { at, batchSize }) =>
      withDatabaseErrors(async () => {
        const where = { id, status: 'running' };
        return (await replayRun.updateMany({ where, data: { updatedAt: at, batchSize } })).count === 1;
      }),

    leave: (id, at) =>
      withDatabaseErrors(async () => {
        const updatedAt = new Date(silentSince(at).getTime() - 1);
        await replayRun.updateMany({ where: { id, status: 'running' }, data: { updatedAt } });
      }),

    end: (id, { status, reason, at }) =>
      withDatabaseErrors(async () => {
        const where = { id, status: 'running' };
        const data = { status, reason, updatedAt: at, endedAt: at };
        return (await replayRun.updateMany({ where, data })).count === 1;
      }),

    take: (id, at) =>
      withDatabaseErrors(async () => {
        const isWaiting = [
          { status: { in: ['stopped', 'halted'] } },
          { status: 'running', updatedAt: { lt: silentSince(at) } },
        ];
        const data = { status: 'running', reason: null, endedAt: null, updatedAt: at };
        return (await replayRun.updateMany({ where: { id, OR: isWaiting }, data })).count === 1;
      }),
  };
}

function silentSince(now: Date): Date {
  return new Date(now.getTime() - silenceMs);
}

function fromModel(model: ReplayRunModel, now: Date): ReplayRun {
  const { selection, status, ...run } = model;
  const isSilent = status === 'running' && model.updatedAt < silentSince(now);
  return {
    ...run,
    selection: selection as unknown as ReplayRun['selection'],
    status: isSilent ? 'interrupted' : (status as ReplayRun['status']),
  };
}
