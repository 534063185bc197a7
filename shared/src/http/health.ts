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

/** Whether the service can do its work, and if not, what is missing. */
export interface Readiness {
  /** `ready` and `degraded` mean that it takes requests. */
  readonly status: 'ready' | 'degraded' | 'unavailable' | 'draining';
  readonly checks: Readonly<Record<string, 'up' | 'down'>>;
  /** The names of the checks without which it cannot work. */
  readonly required: readonly string[];
  readonly detail?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface Health {
  readiness(): Promise<Readiness>;
  /**
   * From now on the service is not ready, whatever the checks say: it is about to stop. It still answers, and asks with
   * each answer for the connection to be given up.
   */
  startDraining(): void;
}

const probeTimeoutMs = 2_000;

const liveSchema = z.object({ status: z.literal('live') });
const stuckSchema = z.object({ status: z.literal('stuck'), stuck: z.array(z.string()) });
const readinessSchema = z.object({
  status: z.enum(['ready', 'degraded', 'unavailable', 'draining']),
  checks: z.record(z.string(), z.enum(['up', 'down'])),
  required: z.array(z.string()).describe('Without these checks it cannot work'),
  detail: z
    .record(z.string(), z.record(z.string(), z.string()))
    .optional()
    .describe('Of the checks that have more to say'),
});

/** Whether the service takes requests. */
export function takesRequests({ status }: Readiness): boolean {
  return status === 'ready' || status === 'degraded';
}

/**
 * Adds `/health/live` (503 when only a new process can help) and `/health/ready` (503 when it cannot do its work now).
 *
 * @param loops what has to come round again and again for as long as the process runs, and whether it does not any more
 */
export function registerHealth(
  app: HttpServer,
  checks: Readonly<Record<string, HealthCheck>>,
  loops: Readonly<Record<string, { isStuck(): boolean }>> = {},
): Health {
  let draining = false;

  async function readiness(): Promise<Readiness> {
    const results = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => ({ name, check, up: await isUp(check) })),
    );
    const details = results.flatMap(({ name, check }) =>
      check.detail ? [[name, check.detail()] as const] : [],
    );
    const down = results.filter(({ up }) => !up);
    const isMissing = down.some(({ check }) => check.required);
    return {
      status: draining ? 'draining' : isMissing ? 'unavailable' : down.length > 0 ? 'degraded' : 'ready',
      checks: Object.fromEntries(results.map(({ name, up }) => [name, up ? 'up' : 'down'] as const)),
      required: results.filter(({ check }) => check.required).map(({ name }) => name),
      ...(details.length > 0 ? { detail: Object.fromEntries(details) } : {}),
    };
  }

  app.get(
    '/health/live',
    {
      config: { access: 'public' },
      schema: {
        operationId: 'getLiveness',
        summary: 'Whether a new process would help',
        tags: ['health'],
        response: { 200: liveSchema, 503: stuckSchema },
      },
    },
    async (request, reply) => {
      const stuck = Object.entries(loops).flatMap(([name, loop]) => (loop.isStuck() ? [name] : []));
      if (stuck.length === 0) return { status: 'live' as const };
      request.log.fatal({ stuck }, 'only a new process can help');
      return reply.code(503).send({ status: 'stuck', stuck });
    },
  );

  app.get(
    '/health/ready',
    {
      config: { access: 'public' },
      schema: {
        operationId: 'getReadiness',
        summary: 'Whether it can do its work now, and what is away',
        tags: ['health'],
        response: { 200: readinessSchema, 503: readinessSchema },
      },
    },
    async (_request, reply) => {
      const now = await readiness();
      const body = { ...now, required: [...now.required] };
      return reply.code(takesRequests(now) ? 200 : 503).send(body);
    },
  );

  app.addHook('onSend', async (_request, reply) => {
    if (draining) reply.header('connection', 'close');
  });

  return {
    readiness,
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
