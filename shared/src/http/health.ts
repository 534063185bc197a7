import { z } from 'zod';
import type { HttpServer } from './server.ts';

/** Something a service depends on. What is not required is reported, but does not take the service out of rotation. */
export interface HealthCheck {
  readonly required: boolean;
  /** Throws or answers `false` when the dependency is away. */
  probe(): Promise<boolean> | boolean;
  /** What else there is to know about it, up or down. */
  detail?(): Readonly<Record<string, string>>;
}

export interface Health {
  /** What `/health/ready` would say now, in one word. */
  isReady(): Promise<boolean>;
  /** From now on the service is not ready, whatever the checks say: it is about to stop. */
  startDraining(): void;
}

const probeTimeoutMs = 2_000;

const readinessSchema = z.object({
  status: z.enum(['ready', 'degraded', 'unavailable', 'draining']),
  checks: z.record(z.string(), z.enum(['up', 'down'])),
  /** Of the checks that have more to say. */
  detail: z.record(z.string(), z.record(z.string(), z.string())).optional(),
});

/** Adds `/health/live` (the process answers) and `/health/ready` (it can do its work, and if not, what is missing). */
export function registerHealth(app: HttpServer, checks: Readonly<Record<string, HealthCheck>>): Health {
  let draining = false;

  app.get(
    '/health/live',
    {
      config: { access: 'public' },
      schema: { tags: ['health'], response: { 200: z.object({ status: z.literal('live') }) } },
    },
    async () => ({ status: 'live' as const }),
  );

  app.get(
    '/health/ready',
    {
      config: { access: 'public' },
      schema: { tags: ['health'], response: { 200: readinessSchema, 503: readinessSchema } },
    },
    async (_request, reply) => {
      const results = await Promise.all(
        Object.entries(checks).map(async ([name, check]) => ({ name, check, up: await isUp(check) })),
      );
      const details = results.flatMap(({ name, check }) =>
        check.detail ? [[name, check.detail()] as const] : [],
      );
      const down = results.filter(({ up }) => !up);
      const unavailable = draining || down.some(({ check }) => check.required);
      return reply.code(unavailable ? 503 : 200).send({
        status: draining ? 'draining' : unavailable ? 'unavailable' : down.length > 0 ? 'degraded' : 'ready',
        checks: Object.fromEntries(results.map(({ name, up }) => [name, up ? 'up' : 'down'] as const)),
        ...(details.length > 0 ? { detail: Object.fromEntries(details) } : {}),
      });
    },
  );

  return {
    async isReady() {
      if (draining) return false;
      const required = Object.values(checks).filter((check) => check.required);
      return (await Promise.all(required.map(isUp))).every((up) => up);
    },
    startDraining() {
      draining = true;
    },
  };
}

async function isUp(check: HealthCheck): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), probeTimeoutMs);
  try {
    return await Promise.race([check.probe(), late.promise]);
  } catch {
    // Why it is down stands in the log of the component that lost it.
    return false;
  } finally {
    clearTimeout(timer);
  }
}
