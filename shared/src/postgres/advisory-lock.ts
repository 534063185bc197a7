import pg from 'pg';
import type { Logger } from 'pino';
import { fromDatabaseError } from './database-errors.ts';

/** First key of the locks taken here; the second one follows from the name. */
const lockClass = 20_618;
const lockNotAvailable = '55P03';
/** Whoever has it says so this often; from one that is silent for longer, because it is frozen, it is taken. */
const beatEveryMs = 2_000;
const silentAtMostMs = 10_000;

/** Something that one at a time may have, wherever it runs. */
export interface NamedLocks {
  /**
   * Waits for its turn and answers how to end it. The turn also ends with the session that stands for it, whatever becomes
   * of this process or of the database, and when this process is frozen for ten seconds.
   *
   * @returns `undefined` when it was not its turn within `waitMs`
   * @throws AppError `DATABASE_UNAVAILABLE`
   */
  acquire(name: string, options: { waitMs: number }): Promise<(() => Promise<void>) | undefined>;
}

/** Locks that sessions of one PostgreSQL database share: session-level advisory locks, a session for each. */
export function createNamedLocks(options: {
  databaseUrl: string;
  applicationName: string;
  logger: Logger;
}): NamedLocks {
  const { databaseUrl, applicationName, logger } = options;
  return {
    async acquire(name, { waitMs }) {
      const session = new pg.Client({
        connectionString: databaseUrl,
        application_name: applicationName,
        connectionTimeoutMillis: 5_000,
        lock_timeout: waitMs,
        keepAlive: true,
        options: `-c idle_session_timeout=${silentAtMostMs}`,
      });
      session.on('error', (error) => logger.warn({ err: error, lock: name }, 'lost the session of a lock'));
      const end = (): Promise<void> => session.end().catch(() => undefined);
      try {
        await session.connect();
        await session.query('SELECT pg_advisory_lock($1, hashtext($2))', [lockClass, name]);
        // What a session that is lost has to say, it says by its event.
        const beat = (): void => void session.query('SELECT').catch(() => undefined);
        const beats = setInterval(beat, beatEveryMs);
        return () => {
          clearInterval(beats);
          return end();
        };
      } catch (error) {
        await end();
        if ((error as { code?: string }).code === lockNotAvailable) return undefined;
        throw fromDatabaseError(error);
      }
    },
  };
}
