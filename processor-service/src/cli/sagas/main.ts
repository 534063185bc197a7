/** Sagas on the command line: `npm run sagas`. Without a command it tells how it is used. */
import { systemClock } from '#shared/kernel/clock.ts';
import { toAppError } from '#shared/kernel/errors.ts';
import { createLogger } from '#shared/observability/logger.ts';
import { createPool } from '#shared/postgres/pool.ts';
import { createReadSagas } from '../../application/read-sagas.ts';
import { createResumeSaga } from '../../application/resume-saga.ts';
import { createTakeSagaSteps } from '../../application/take-saga-steps.ts';
import { parseSagaConfig, patienceOf } from '../../config.ts';
import { createSagaRepository } from '../../infrastructure/postgres/saga-repository.ts';
import { findAddress } from '../stack-address.ts';
import { tellWrongOption } from '../wrong-use.ts';
import { readCommandLine, type SagaCommand, usageFor } from './commands.ts';

async function run(command: SagaCommand): Promise<void> {
  const config = parseSagaConfig({ ...process.env, PROCESSOR_DATABASE_URL: await findAddress('database') });
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

// Whoever reads the output may have seen enough, as `head` has.
process.stdout.on('error', () => process.exit(0));

try {
  const args = process.argv.slice(2);
  const command = readCommandLine(args);
  if (command) await run(command);
  else if (args.includes('--help')) console.log(usageFor(undefined));
  else {
    console.error(usageFor(args[0]));
    process.exitCode = 2;
  }
} catch (error) {
  const wrongOption = tellWrongOption(error);
  console.error(wrongOption ?? toAppError(error).message);
  process.exitCode = wrongOption === undefined ? 1 : 2;
}
