import { context, diag, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  defaultResource,
  detectResources,
  envDetector,
  hostDetector,
  processDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { Logger } from './logger.ts';
import { recordSpans } from './tracing.ts';
import type { TracingSettings } from './tracing-settings.ts';

/** Ends the recording and sends what is left, within a few seconds. Never throws. */
export type StopTracing = () => Promise<void>;

const name = 'order-processor';
/** The last step of stopping; a collector that is away may not keep the process from ending. */
const farewellMs = 2_000;
const exportTimeoutMs = 5_000;
const complainEveryMs = 60_000;

/** Sends spans in batches over OTLP/HTTP. What the collector does not take in time is dropped, and nothing else waits. */
export async function exportTraces(options: {
  service: string;
  settings: TracingSettings;
  logger: Logger;
}): Promise<StopTracing> {
  const { service, settings, logger } = options;
  diag.setLogger(complaintsTo(logger));
  const resource = defaultResource()
    .merge(resourceFromAttributes({ 'service.name': service, 'service.namespace': name }))
    .merge(detectResources({ detectors: [hostDetector, processDetector, envDetector] }));
  const provider = new TracerProvider({
    resource,
    sampler: samplerOf(settings),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new OTLPTraceExporter({ timeoutMillis: exportTimeoutMs }),
        maxQueueSize: settings.OTEL_BSP_MAX_QUEUE_SIZE,
        maxExportBatchSize: Math.min(512, settings.OTEL_BSP_MAX_QUEUE_SIZE),
        scheduledDelayMillis: settings.OTEL_BSP_SCHEDULE_DELAY,
        exportTimeoutMillis: exportTimeoutMs,
      }),
    ],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(provider);
  recordSpans(provider.getTracer(name));
  logger.info({ sampler: settings.OTEL_TRACES_SAMPLER }, 'traces are recorded');

  return async () => {
    recordSpans(undefined);
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, farewellMs);
    await Promise.race([
      provider.shutdown().catch((error: unknown) => logger.warn({ err: error }, 'the last spans are lost')),
      late.promise,
    ]);
    clearTimeout(timer);
  };
}

function samplerOf(settings: TracingSettings): Sampler {
  const { OTEL_TRACES_SAMPLER: kind, OTEL_TRACES_SAMPLER_ARG: ratio } = settings;
  switch (kind) {
    case 'always_on':
      return new AlwaysOnSampler();
    case 'always_off':
      return new AlwaysOffSampler();
    case 'traceidratio':
      return new TraceIdRatioBasedSampler(ratio);
    case 'parentbased_always_on':
      return new ParentBasedSampler({ root: new AlwaysOnSampler() });
    case 'parentbased_always_off':
      return new ParentBasedSampler({ root: new AlwaysOffSampler() });
    case 'parentbased_traceidratio':
      return new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) });
    default:
      return kind satisfies never;
  }
}

/** What the SDK complains about, now and then: while the collector is away it would say so with every batch. */
function complaintsTo(logger: Logger) {
  let silentUntil = 0;
  const complain = (message: string): void => {
    if (Date.now() < silentUntil) return;
    silentUntil = Date.now() + complainEveryMs;
    logger.warn({ reason: message.slice(0, 300) }, 'spans are lost');
  };
  const ignore = (): void => undefined;
  return { error: complain, warn: complain, info: ignore, debug: ignore, verbose: ignore };
}
