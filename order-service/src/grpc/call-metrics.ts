import {
  ResponderBuilder,
  ServerInterceptingCall,
  type ServerInterceptor,
  ServerListenerBuilder,
  status,
} from '@grpc/grpc-js';
import { Histogram } from 'prom-client';
import { durationBuckets, secondsSince } from '#shared/metrics/registry.ts';

const duration = new Histogram({
  name: 'oms_grpc_call_duration_seconds',
  help: 'From the begin of a call to its status, by method and status; streams last as long as somebody watches',
  labelNames: ['method', 'code'],
  buckets: durationBuckets,
});

/** Measures every call to a method that exists. */
export const measureCalls: ServerInterceptor = ({ path }, call) => {
  const start = performance.now();
  let isOver = false;
  const end = (code: status) => {
    if (isOver) return;
    isOver = true;
    duration.observe({ method: path, code: status[code] }, secondsSince(start));
  };
  const listener = new ServerListenerBuilder().withOnCancel(() => end(status.CANCELLED)).build();
  const responder = new ResponderBuilder()
    .withStart((next) => next(listener))
    .withSendStatus((sent, next) => {
      end(sent.code);
      next(sent);
    })
    .build();
  return new ServerInterceptingCall(call, responder);
};
