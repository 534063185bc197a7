import closeWithGrace from 'close-with-grace';
import { ConfigError } from '../config/environment.ts';
import { createLogger, type Logger } from '../observability/logger.ts';
import { startTracing } from '../observability/start-tracing.ts';
import type { TracingSettings } from '../observability/tracing-settings.ts';

/** Time to finish what is in flight, beyond `SHUTDOWN_DELAY_MS`. Services bound their own stages to less. */
export const stopWithinMs = 10_000;

/**
 * Runs a service as a process: settings from the environment, start, and an orderly stop on SIGTERM and SIGINT. Wrong
 * settings end it with one message and exit code 2; an error that nothing caught is logged, and the process stops in
 * order with exit code 1. A second signal, or a stop that takes too long, ends it at once with exit code 1.
 */
export async function runService<
  Config extends TracingSettings & { readonly LOG_LEVEL: string; readonly SHUTDOWN_DELAY_MS: number },
>(options: {
  name: string;
  parseConfig: (env: NodeJS.ProcessEnv) => Config;
  create: (config: Config, logger: Logger) => Promise<{ start(): Promise<string>; stop(): Promise<void> }>;
}): Promise<void> {
  const { name, parseConfig, create } = options;
  let config: Config;
  try {
    config = parseConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(`${name}: ${error.message}`);
    process.exit(2);
  }
  const logger = createLogger({ service: name, level: config.LOG_LEVEL });
  const stopTracing = await startTracing({ service: name, settings: config, logger });
  const service = await create(config, logger);
  const started = Promise.withResolvers<void>();
  const ends = {
    onSecondSignal: (signal: string) => logger.fatal({ signal }, 'second signal: ending at once'),
    onSecondError: (err: unknown) => logger.fatal({ err }, 'unexpected error while stopping: ending at once'),
    onTimeout: () => logger.fatal('did not stop in time: ending at once'),
  };
  const delay = config.SHUTDOWN_DELAY_MS + stopWithinMs;
  closeWithGrace({ delay, logger: false, ...ends }, async ({ signal, err }) => {
    if (err) logger.fatal({ err }, 'stopping after an unexpected error');
    else logger.info({ signal }, 'stopping');
    // A signal that comes during the start must not close what is being opened.
    await started.promise;
    await service.stop();
    // Last: the end of everything else is part of traces, too.
    await stopTracing();
    logger.info('stopped');
  });
  try {
    logger.info({ url: await service.start() }, 'started');
  } finally {
    started.resolve();
  }
}
