import type { FastifyReply } from 'fastify';
import { z } from 'zod';

/** Problem details (RFC 9457); `code` is what a program should look at. */
export const problemSchema = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
});

/** One status of a route in the OpenAPI document. */
export function problemResponse(description: string) {
  return { description, content: { 'application/problem+json': { schema: problemSchema } } };
}

interface Problem {
  status: number;
  code: string;
  detail: string;
  facts?: Readonly<Record<string, unknown>>;
}

/** Answers with a problem document. */
export function sendProblem(reply: FastifyReply, { status, code, detail, facts }: Problem): FastifyReply {
  const title = code.toLowerCase().replaceAll('_', ' ');
  const type = `urn:payment-sandbox:${code.toLowerCase().replaceAll('_', '-')}`;
  return reply
    .code(status)
    .type('application/problem+json')
    .send({ type, title, status, detail, code, ...facts });
}
