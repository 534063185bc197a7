import { createLogger } from '#shared/observability/logger.ts';

/** Set TEST_LOG_LEVEL to hear what the parts under test have to say. */
export const testLogger = createLogger({
  service: 'test',
  level: process.env['TEST_LOG_LEVEL'] ?? 'silent',
});
