import { z } from 'zod';

const truth = z
  .string()
  .transform((text) => text.toLowerCase())
  .pipe(z.enum(['true', 'false']))
  .transform((text) => text === 'true');

const endpoint = z.url({ protocol: /^https?$/, error: 'must be an http:// URL' });

/**
 * The standard variables that decide whether there are traces, and which. Those that say how they are sent, and in whose
 * name, are read by OpenTelemetry itself: `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_EXPORTER_OTLP_HEADERS` …
 *
 * @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export const tracingSettings = {
  OTEL_SDK_DISABLED: truth.default(false),
  OTEL_TRACES_EXPORTER: z.enum(['otlp', 'none']).optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: endpoint.optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: endpoint.optional(),
  OTEL_TRACES_SAMPLER: z
    .enum([
      'always_on',
      'always_off',
      'traceidratio',
      'parentbased_always_on',
      'parentbased_always_off',
      'parentbased_traceidratio',
    ])
    .default('parentbased_always_on'),
  OTEL_TRACES_SAMPLER_ARG: z.coerce.number().min(0).max(1).default(1),
  /** Spans that wait for the collector; more are dropped. */
  OTEL_BSP_MAX_QUEUE_SIZE: z.coerce.number().int().positive().max(1_000_000).default(2_048),
  /** How long a span waits to be sent together with others. */
  OTEL_BSP_SCHEDULE_DELAY: z.coerce.number().int().positive().default(5_000),
} as const;

export type TracingSettings = Readonly<z.infer<z.ZodObject<typeof tracingSettings>>>;

/** Off unless somebody says where traces go, or that they go to the standard place. */
export function wantsTraces(settings: TracingSettings): boolean {
  const { OTEL_SDK_DISABLED: isDisabled, OTEL_TRACES_EXPORTER: exporter } = settings;
  if (isDisabled || exporter === 'none') return false;
  return [exporter, settings.OTEL_EXPORTER_OTLP_ENDPOINT, settings.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT].some(
    (given) => given !== undefined,
  );
}
