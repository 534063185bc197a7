import { STATUS_CODES } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { replayedHeader } from '../idempotency/key.ts';
import { AppError, toAppError } from '../kernel/errors.ts';
import { traceIdOf } from '../observability/trace-context.ts';
import { watchMethods } from './allowed-methods.ts';
import { toFieldMessage } from './field-messages.ts';
import type { HttpServer } from './http-server.ts';
import { httpProblem, type Problem, problemContentType, retryAfterSecondsOf, toProblem } from './problem.ts';

/**
 * Answers whatever is thrown, addresses that lead nowhere, and methods that an address does not take, with problem
 * documents. Has to be called before routes are added.
 */
export function answerErrors(app: HttpServer): void {
  app.setErrorHandler((thrown: Error, request, reply) => answerError(thrown, request, reply));
  const methodsOf = watchMethods(app);
  app.setNotFoundHandler((request, reply) => {
    const methods = methodsOf(request.url.split('?', 1)[0] ?? '');
    // A route for many addresses takes the method, and finds nothing at this one.
    if (methods.length === 0 || methods.includes(request.method))
      return send(reply, httpProblem(404, 'There is nothing at this address', whichRequest(request)));
    reply.header('allow', methods.join(', '));
    return send(reply, httpProblem(405, 'This address does not take this method', whichRequest(request)));
  });
}

/** Failures of ours are logged, and not told. */
export function answerError(thrown: Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = describe(thrown, request);
  if (problem.status >= 500) {
    const { method, facts, traceparent } = request;
    const route = request.routeOptions.url;
    request.span?.fail(thrown);
    request.log[problem.status === 503 ? 'warn' : 'error'](
      { err: thrown, method, route, ...facts, traceId: traceIdOf(traceparent) },
      'request failed',
    );
  }
  const challenge = challengeOf(problem, request);
  if (challenge !== undefined) reply.header('www-authenticate', challenge);
  const retryAfterSeconds = retryAfterSecondsOf(problem);
  if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds);
  // The refusal was decided before, for the same idempotency key.
  if (thrown instanceof AppError && thrown.data['replayed'] === true) reply.header(replayedHeader, 'true');
  return send(reply, problem);
}

/** RFC 6750, section 3: what a token would have to be. Whoever showed none is not told what is wrong with it. */
function challengeOf({ code, scope }: Problem, { headers }: FastifyRequest): string | undefined {
  if (code === 'FORBIDDEN') return `Bearer error="insufficient_scope", scope="${scope}"`;
  if (code !== 'UNAUTHENTICATED') return undefined;
  return headers.authorization === undefined ? 'Bearer' : 'Bearer error="invalid_token"';
}

function send(reply: FastifyReply, problem: Problem): FastifyReply {
  return reply.code(problem.status).type(problemContentType).serializer(JSON.stringify).send(problem);
}

function describe(thrown: Error & { statusCode?: number; code?: string }, request: FastifyRequest): Problem {
  if (hasZodFastifySchemaValidationErrors(thrown)) {
    return toProblem(invalid(thrown.validation), whichRequest(request));
  }
  if (!(thrown instanceof AppError) && thrown.statusCode && thrown.statusCode < 500) {
    return {
      ...httpProblem(thrown.statusCode, STATUS_CODES[thrown.statusCode] ?? 'Error', whichRequest(request)),
      detail: thrown.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE' ? 'send application/json' : thrown.message,
    };
  }
  return toProblem(toAppError(thrown), whichRequest(request));
}

/** What the zod provider reports; `params` holds what zod says beyond path and message. */
interface Issue {
  readonly instancePath: string;
  readonly keyword: string;
  readonly message?: string | undefined;
  readonly params: { readonly keys?: unknown };
}

function invalid(issues: readonly Issue[]): AppError {
  const errors = issues.flatMap(toFieldErrors);
  return new AppError({
    code: 'VALIDATION_FAILED',
    kind: 'rejected',
    message: errors.map(({ field, message }) => `${field || 'body'}: ${message}`).join('; '),
    data: { errors },
  });
}

/** One error per wrong field: zod gathers all unknown fields of an object in one issue about the object. */
function toFieldErrors({ instancePath, keyword, message = 'is not valid', params }: Issue) {
  const path = instancePath.split('/').filter((part) => part !== '');
  if (keyword === 'unrecognized_keys' && Array.isArray(params.keys)) {
    return params.keys.map((key) => ({
      field: [...path, String(key)].join('.'),
      message: 'is not a known field',
    }));
  }
  return [{ field: path.join('.'), message: toFieldMessage(keyword, message) }];
}

function whichRequest(request: FastifyRequest): { instance: string; correlationId: string } {
  return { instance: request.url, correlationId: request.correlationId };
}
