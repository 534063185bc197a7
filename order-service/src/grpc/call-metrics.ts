import { type ServerInterceptor, status } from '@grpc/grpc-js';
import { Histogram } from 'prom-client';
import { durationBuckets, secondsSince } from '#shared/metrics/registry.ts';
import { untilEnd } from './call-ends.ts';

const duration = new Histogram({
  name: 'oms_grpc_call_duration_seconds',
  help: 'From the begin of a call to its status, by method and status; streams last as long as somebody watches',
  labelNames: ['method', 'code'],
  buckets: durationBuckets,
});

/** Measures every call to a method that exists. */
export const measureCalls: ServerInterceptor = ({ path }, call) => {
  const start = performance.now();
  return untilEnd(call, (code) => {
    duration.observe({ method: path, code: status[code] }, secondsSince(start));
  });
};
