import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { anonymous } from '#shared/auth/caller.ts';
import { text } from '#shared/http/text.ts';
import { AppError } from '#shared/kernel/errors.ts';

export const operatorHeaders = z.object({
  'x-operator': text(200)
    .optional()
    .describe('Who does it, for the audit; required without authentication, ignored with it'),
});

/**
 * Who acts, as the audit keeps it: the subject of the token. Only where authentication is off it is whom the request
 * says it is.
 *
 * @throws AppError `VALIDATION_FAILED` where nobody is named.
 */
export function operatorOf(
  request: Pick<FastifyRequest, 'caller'> & {
    headers: z.output<typeof operatorHeaders>;
  },
): string {
  if (request.caller !== anonymous) return request.caller.subject;
  const { 'x-operator': named } = request.headers;
  if (named !== undefined) return named;
  const errors = [{ field: 'x-operator', message: 'is required' }];
  throw new AppError({
    code: 'VALIDATION_FAILED',
    kind: 'rejected',
    message: 'x-operator: is required',
    data: { errors },
  });
}
