import { inSpan, isRecording, SpanKind } from '#shared/observability/tracing.ts';
import { traceparentAtHand } from '#shared/observability/work-at-hand.ts';
import type { HttpAnswer, HttpRequest } from './http-exchange.ts';

/**
 * Makes an HTTP call in a span of its own, which the provider is told to continue. The template of its path, without
 * anything that is different from call to call, gives the span its name.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client-span
 */
export function tracedCall(
  origin: URL,
  template: string,
  request: HttpRequest,
  call: (request: HttpRequest) => Promise<HttpAnswer>,
): Promise<HttpAnswer> {
  if (!isRecording()) return call(continuing(request, traceparentAtHand()));
  const { method, path } = request;
  const description = {
    kind: SpanKind.CLIENT,
    attributes: {
      'http.request.method': method,
      'url.full': `${origin.origin}${path}`,
      'url.template': template,
      'server.address': origin.hostname,
      'server.port': Number(origin.port) || (origin.protocol === 'https:' ? 443 : 80),
    },
  };
  return inSpan(`${method} ${template}`, description, async (span) => {
    const answer = await call(continuing(request, span.traceparent));
    span.set({ 'http.response.status_code': answer.status });
    if (answer.status >= 400) span.fail(new Error(`status ${answer.status}`));
    return answer;
  });
}

function continuing(request: HttpRequest, traceparent: string | undefined): HttpRequest {
  return traceparent === undefined ? request : { ...request, headers: { ...request.headers, traceparent } };
}
