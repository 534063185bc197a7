import { runService } from '#shared/process/run-service.ts';
import { parseConfig } from './config.ts';
import { createProcessorService } from './container.ts';

await runService({ name: 'processor-service', parseConfig, create: createProcessorService });
