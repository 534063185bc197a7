import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { tracingSettings, wantsTraces } from './tracing-settings.ts';

const parse = (env: Record<string, string>) => z.object(tracingSettings).parse(env);
const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318' };

describe('the standard variables', () => {
  test.each<[wanted: boolean, env: Record<string, string>]>([
    [false, {}],
    [true, endpoint],
    [true, { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://collector.example/v1/traces' }],
    [true, { OTEL_TRACES_EXPORTER: 'otlp' }],
    [false, { ...endpoint, OTEL_TRACES_EXPORTER: 'none' }],
    [false, { ...endpoint, OTEL_SDK_DISABLED: 'TRUE' }],
    [true, { ...endpoint, OTEL_SDK_DISABLED: 'false' }],
  ])('ask for traces (%s) with %j', (wanted, env) => {
    expect(wantsTraces(parse(env))).toBe(wanted);
  });

  test.each([
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'localhost:4318' },
    { OTEL_TRACES_SAMPLER: 'sometimes' },
    { OTEL_TRACES_SAMPLER_ARG: '2' },
    { OTEL_SDK_DISABLED: 'yes' },
  ])('are refused when they mean nothing: %j', (env) => {
    expect(() => parse(env)).toThrow(z.ZodError);
  });
});
