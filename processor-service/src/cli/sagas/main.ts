/** Sagas on the command line: `npm run sagas`. Without a command it tells how it is used. */
import { readFile } from 'node:fs/promises';
import { systemClock } from '#shared/kernel/clock.ts';
import { toAppError } from '#shared/kernel/errors.ts';
import { createLogger } from '#shared/observability/logger.ts';
import { createPool } from '#shared/postgres/pool.ts';
import { createReadSagas } from '../../application/read-sagas.ts';
import { createResumeSaga } from '../../application/resume-saga.ts';
import { createTakeSagaSteps } from '../../application/take-saga-steps.ts';
import { parseSagaConfig, patienceOf } from '../../config.ts';
import { createSagaRepository } from '../../infrastructure/postgres/saga-repository.ts';
import { readCommandLine, type SagaCommand, usage } from './commands.ts';

/** Where `npm start` says what it brought up. */
const stackFile = new URL('../../../../.local/stack.json', import.meta.url);

async function run(command: SagaCommand): Promise<void> {
  const config = parseSagaConfig({ ...process.env, PROCESSOR_DATABASE_URL: await findDatabase() });
  const pool = createPool({
    url: config.PROCESSOR_DATABASE_URL,
    applicationName: 'sagas',
    maxConnections: 1,
    logger: createLogger({ service: 'sagas', level: 'silent' }),
  });
  const clock = systemClock;
  const sagas = createSagaRepository({ pool });
  const takeSteps = createTakeSagaSteps({ sagas, clock, patience: patienceOf(config) });
  try {
    await command({
      readSagas: createReadSagas({ sagas }),
      resumeSaga: createResumeSaga({ sagas, takeSteps, clock }),
    });
  } finally {
    await pool.end();
  }
}

async function findDatabase(): Promise<string> {
  if (process.env.PROCESSOR_DATABASE_URL) return process.env.PROCESSOR_DATABASE_URL;
  try {
    return (JSON.parse(await readFile(stackFile, 'utf8')) as { processorDatabaseUrl: string })
      .processorDatabaseUrl;
  } catch (error) {
    throw new Error('which database? Set PROCESSOR_DATABASE_URL, or run `npm start` first', { cause: error });
  }
}

// Whoever reads the output may have seen enough, as `head` has.
process.stdout.on('error', () => process.exit(0));

try {
  const command = readCommandLine(process.argv.slice(2));
  if (command) await run(command);
  else {
    console.error(usage);
    process.exitCode = 2;
  }
} catch (error) {
  console.error(toAppError(error).message);
  process.exitCode = 1;
}
