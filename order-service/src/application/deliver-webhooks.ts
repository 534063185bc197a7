import type { Clock } from '#shared/kernel/clock.ts';
import type { Failpoint } from '#shared/kernel/failpoints.ts';
import { sleep } from '#shared/kernel/sleep.ts';
import type { Logger } from '#shared/observability/logger.ts';
import { inSpan, SpanKind } from '#shared/observability/tracing.ts';
import { beginWork } from '#shared/observability/work-at-hand.ts';
import { createPulse } from '#shared/process/pulse.ts';
import type { LoggedAttempt } from '../domain/webhook.ts';
import { judge, retryDelaysMs } from '../domain/webhook-attempts.ts';
import type { WebhookAnswer, WebhookEndpoints, WebhookRequest } from './ports/webhook-endpoints.ts';
import type { ClaimedDelivery, WebhookDeliveries } from './ports/webhook-repository.ts';
import type { WebhookSecrets } from './webhook-secrets.ts';

export interface WebhookDispatcher {
  start(): void;
  /** It has not looked for deliveries for minutes. */
  isStuck(): boolean;
  /** What is under way gets a moment to end; then it is given back, to be sent by somebody else under the same id. */
  stop(): Promise<void>;
}

const mostAtOnce = 200;
const mostPerWebhook = 8;
const pollIntervalMs = 500;
const farewellMs = 3_000;
/** Five days without one success. */
const patienceMs = 5 * 86_400_000;

/**
 * Sends what is due, in any number of processes: each takes deliveries for itself under a lease and sends them with no
 * transaction open. When a process dies, its leases run out and its deliveries are sent again under the same id. A
 * receiver that is slow keeps its own few places busy and nobody else's.
 */
export function createWebhookDispatcher(dependencies: {
  deliveries: Pick<WebhookDeliveries, 'claim' | 'record' | 'release'>;
  endpoints: Pick<WebhookEndpoints, 'post'>;
  secrets: Pick<WebhookSecrets, 'sign'>;
  clock: Clock;
  failpoint: Failpoint;
  logger: Logger;
  /** Longer than an attempt can take. */
  leaseMs: number;
  delaysMs?: readonly number[];
  random?: () => number;
}): WebhookDispatcher {
  const { deliveries, endpoints, secrets, clock, failpoint, logger, leaseMs } = dependencies;
  const { delaysMs = retryDelaysMs, random = Math.random } = dependencies;
  const stopping = new AbortController();
  const abandoning = new AbortController();
  const underWay = new Set<Promise<void>>();
  const busy = new Map<string, number>();
  let rest = new AbortController();
  let running: Promise<void> | undefined;
  const pulse = createPulse();

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      pulse.beat();
      rest = new AbortController();
      const claimed = await claim();
      for (const delivery of claimed) send(delivery);
      if (claimed.length === 0) await sleep(pollIntervalMs, AbortSignal.any([rest.signal, stopping.signal]));
    }
  }

  async function claim(): Promise<readonly ClaimedDelivery[]> {
    const limit = mostAtOnce - underWay.size;
    if (limit === 0) return [];
    try {
      return await deliveries.claim({ limit, perWebhook: mostPerWebhook, busy, leaseMs });
    } catch (error) {
      logger.warn({ err: error }, 'cannot look for webhook deliveries');
      return [];
    }
  }

  function send(delivery: ClaimedDelivery): void {
    const { webhookId } = delivery;
    busy.set(webhookId, (busy.get(webhookId) ?? 0) + 1);
    const { orderId, correlationId, traceparent } = delivery;
    const facts = { orderId, correlationId, attempt: delivery.attempts + 1 };
    const sending = beginWork(facts, traceparent, () => attempt(delivery))
      .catch((error: unknown) => {
        // The lease runs out, and it is sent again.
        logger.warn({ err: error, webhookId, deliveryId: delivery.id }, 'cannot record a webhook delivery');
      })
      .finally(() => {
        const others = (busy.get(webhookId) ?? 1) - 1;
        if (others === 0) busy.delete(webhookId);
        else busy.set(webhookId, others);
        underWay.delete(sending);
        rest.abort();
      });
    underWay.add(sending);
  }

  /** Strangers are not told of our traces. */
  function post({ id, webhookId }: ClaimedDelivery, request: WebhookRequest): Promise<WebhookAnswer> {
    const attributes = {
      'http.request.method': 'POST',
      'server.address': new URL(request.url).hostname,
      'oms.webhook.id': webhookId,
      'oms.webhook.delivery_id': id,
    };
    return inSpan('POST webhook', { kind: SpanKind.CLIENT, attributes }, async (span) => {
      const answer = await endpoints.post(request);
      const { statusCode, error } = answer;
      if (statusCode !== undefined) span.set({ 'http.response.status_code': statusCode });
      if (statusCode === undefined || statusCode >= 400)
        span.fail(new Error(error ?? `status ${statusCode}`));
      return answer;
    });
  }

  async function attempt(delivery: ClaimedDelivery): Promise<void> {
    const { id, webhookId, leasedUntil, url, payload, attempts } = delivery;
    const at = clock();
    const began = performance.now();
    const headers = { 'content-type': 'application/json', ...secrets.sign(delivery, at) };
    const answer = await post(delivery, { url, headers, body: payload, signal: abandoning.signal });
    if (abandoning.signal.aborted && answer.statusCode === undefined)
      return deliveries.release({ id, leasedUntil });
    failpoint('webhook.after-send');
    const verdict = judge(answer, attempts + 1, random(), delaysMs);
    const durationMs = Math.round(performance.now() - began);
    const { statusCode: status, error } = answer;
    logger.info(
      { webhookId, deliveryId: id, status, error, outcome: verdict.status, durationMs },
      'webhook called',
    );
    const outcome = {
      id,
      leasedUntil,
      attempt: toLog(at, performance.now() - began, answer),
      status: verdict.status,
      delayMs: verdict.status === 'pending' ? verdict.delayMs : undefined,
      isGone: verdict.status === 'failed' && verdict.isGone,
    };
    const disabled = await deliveries.record(outcome, patienceMs);
    if (disabled) logger.warn({ webhookId, reason: disabled }, 'webhook disabled');
  }

  return {
    start() {
      running ??= run();
    },
    isStuck: () => running !== undefined && pulse.isStuck(),
    async stop() {
      stopping.abort();
      await running;
      const farewell = setTimeout(() => abandoning.abort(), farewellMs);
      await Promise.all(underWay);
      clearTimeout(farewell);
    },
  };
}

function toLog(at: Date, durationMs: number, { statusCode, error, response }: WebhookAnswer): LoggedAttempt {
  return {
    at: at.toISOString(),
    durationMs: Math.round(durationMs),
    ...(statusCode === undefined ? {} : { statusCode }),
    ...(error === undefined ? {} : { error }),
    ...(response ? { response } : {}),
  };
}
