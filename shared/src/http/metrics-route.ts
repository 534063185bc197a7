import { Histogram } from 'prom-client';
import { durationBuckets, metricsRegistry } from '../metrics/registry.ts';
import type { HttpServer } from './http-server.ts';
import { onRequestEnd } from './request-ends.ts';

const duration = new Histogram({
  name: 'oms_http_request_duration_seconds',
  help: 'From the head of a request to the end of its answer, by route and status; 499: the client left before',
  labelNames: ['method', 'route', 'status'],
  buckets: durationBuckets,
});

/** Measures the requests to every route that is added from now on. Addresses that lead nowhere are one route, `none`. */
export function measureRequests(app: HttpServer): void {
  onRequestEnd(app, ({ method, routeOptions: { url } }, { status, durationMs }) => {
    const route = url ?? 'none';
    if (route === '/metrics') return;
    duration.observe({ method: url ? method : 'any', route, status }, durationMs / 1_000);
  });
}

/** `GET /metrics` in the text format of Prometheus. Open to whoever reaches the port: keep it from strangers. */
export function registerMetrics(app: HttpServer): void {
  app.get('/metrics', { config: { access: 'public' }, schema: { hide: true } }, async (_request, reply) =>
    reply.type(metricsRegistry.contentType).send(await metricsRegistry.metrics()),
  );
}
