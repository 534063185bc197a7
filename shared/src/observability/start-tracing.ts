import type { StopTracing } from './export-traces.ts';
import type { Logger } from './logger.ts';
import { type TracingSettings, wantsTraces } from './tracing-settings.ts';

/** Begins to record and send traces, if the settings ask for it; otherwise OpenTelemetry's SDK is not even loaded. */
export async function startTracing(options: {
  service: string;
  settings: TracingSettings;
  logger: Logger;
}): Promise<StopTracing> {
  if (!wantsTraces(options.settings)) return async () => undefined;
  const { exportTraces } = await import('./export-traces.ts');
  return exportTraces(options);
}
