import { z } from 'zod';
import type { Ledger } from '../ledger.ts';
import { problemResponse, sendProblem } from './problem.ts';
import type { SandboxApp } from './sandbox-app.ts';

const okSchema = z.object({ status: z.literal('ok') });

/** Liveness: the process answers. Readiness: it can also write its ledger. */
export function healthRoutes(app: SandboxApp, { ledger }: { ledger: Ledger }): void {
  app.get('/health/live', { schema: { response: { 200: okSchema } } }, async () => ({
    status: 'ok' as const,
  }));

  app.get(
    '/health/ready',
    { schema: { response: { 200: okSchema, 503: problemResponse('The ledger cannot be written') } } },
    async (request, reply) => {
      try {
        await ledger.durable();
        return { status: 'ok' as const };
      } catch (error) {
        request.log.error({ err: error }, 'ledger cannot be written');
        return sendProblem(reply, {
          status: 503,
          code: 'NOT_READY',
          detail: 'The ledger cannot be written.',
        });
      }
    },
  );
}
