import { runService } from '#shared/process/run-service.ts';
import { parseConfig } from './config.ts';
import { createOrderService } from './container.ts';

await runService({ name: 'order-service', parseConfig, create: createOrderService });
