import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { Refusal, type RefusalCode } from '../refusal.ts';
import { Fault } from '../scenario-player.ts';
import type { FaultPlayer } from './faults.ts';
import { sendProblem } from './problem.ts';

const STATUS_OF: Record<RefusalCode, number> = {
  PAYMENT_DECLINED: 402,
  PAYMENT_NOT_FOUND: 404,
  KEY_UNKNOWN: 404,
  KEY_IN_FLIGHT: 409,
  ILLEGAL_STATE: 409,
  COMPENSATION_DECLINED: 409,
  KEY_CANCELLED: 410,
  KEY_REUSED: 422,
  AMOUNT_TOO_LARGE: 422,
};

/** Turns everything thrown by a route into a problem document, or into the fault that the scenario wants. */
export function createErrorHandler(faults: FaultPlayer) {
  return (error: FastifyError | Refusal | Fault, request: FastifyRequest, reply: FastifyReply): void => {
    if (error instanceof Fault) {
      faults.act(error.kind, reply);
      return;
    }
    if (error instanceof Refusal) {
      if (error.replayed) reply.header('idempotent-replayed', 'true');
      sendProblem(reply, {
        status: STATUS_OF[error.code],
        code: error.code,
        detail: error.message,
        facts: error.facts,
      });
      return;
    }
    if (hasZodFastifySchemaValidationErrors(error)) {
      const errors = error.validation.map(({ instancePath, message }) => ({
        field: `${error.validationContext}${instancePath.replaceAll('/', '.')}`,
        message,
      }));
      sendProblem(reply, {
        status: 400,
        code: 'VALIDATION_FAILED',
        detail: 'The request is not valid.',
        facts: { errors },
      });
      return;
    }
    const status = error.statusCode ?? 500;
    if (status < 500) {
      sendProblem(reply, { status, code: 'BAD_REQUEST', detail: error.message });
      return;
    }
    request.log.error({ err: error }, 'request failed');
    sendProblem(reply, { status: 500, code: 'INTERNAL_ERROR', detail: 'Something went wrong.' });
  };
}
