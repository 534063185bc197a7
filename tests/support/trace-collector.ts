import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/** A span as it arrived; of its attributes only texts, numbers and truths. */
export interface CollectedSpan {
  readonly service: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty at the root. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: 'internal' | 'server' | 'client' | 'producer' | 'consumer';
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly isFailed: boolean;
  /** What was thrown in it. */
  readonly exceptions: readonly string[];
}

/** A collector of traces: a server that takes OTLP over HTTP and keeps what it gets. */
export interface TraceCollector {
  readonly url: string;
  readonly spans: readonly CollectedSpan[];
  readonly requests: () => number;
  close(): Promise<void>;
}

interface Attribute {
  readonly key: string;
  readonly value: { stringValue?: string; intValue?: number | string; boolValue?: boolean };
}

interface SpanInJson {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly attributes?: readonly Attribute[];
  readonly links?: readonly { traceId: string; spanId: string }[];
  readonly status?: { code?: number };
  readonly events?: readonly { name: string; attributes: readonly Attribute[] }[];
}

interface ExportInJson {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly SpanInJson[] }[];
  }[];
}

const kinds = ['internal', 'internal', 'server', 'client', 'producer', 'consumer'] as const;
const failed = 2;

/** https://opentelemetry.io/docs/specs/otlp/#otlphttp */
export async function startTraceCollector(): Promise<TraceCollector> {
  const spans: CollectedSpan[] = [];
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    if (request.url !== '/v1/traces') return void response.writeHead(404).end();
    json(request).then(
      (body) => {
        spans.push(...readExport(body as ExportInJson));
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      },
      // A sender that breaks off is its own affair.
      () => response.destroy(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    requests: () => requests,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function readExport({ resourceSpans }: ExportInJson): CollectedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = String(readAttributes(resource.attributes)['service.name']);
    return scopeSpans.flatMap(({ spans }) => spans.map((span) => readSpan(service, span)));
  });
}

function readSpan(service: string, span: SpanInJson): CollectedSpan {
  const { traceId, spanId, parentSpanId = '', name, kind, links = [], status, events = [] } = span;
  return {
    service,
    traceId,
    spanId,
    parentSpanId,
    name,
    kind: kinds[kind] ?? 'internal',
    attributes: readAttributes(span.attributes),
    links,
    isFailed: status?.code === failed,
    exceptions: events
      .filter((event) => event.name === 'exception')
      .map((event) => String(readAttributes(event.attributes)['exception.message'])),
  };
}

function readAttributes(attributes: readonly Attribute[] = []): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value: { stringValue, intValue, boolValue } }) => [
      key,
      stringValue ?? boolValue ?? (intValue === undefined ? undefined : Number(intValue)),
    ]),
  );
}

/** The spans of a trace as a reader sees them: each with its service, indented below its parent, siblings by name. */
export function drawTrace(spans: readonly CollectedSpan[], traceId: string): string {
  const inTrace = spans.filter((span) => span.traceId === traceId);
  const ids = new Set(inTrace.map(({ spanId }) => spanId));
  const draw = (parentSpanId: string | undefined, depth: number): string[] =>
    inTrace
      .filter((span) => (ids.has(span.parentSpanId) ? span.parentSpanId : undefined) === parentSpanId)
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .flatMap(({ spanId, service, name }) => [
        `${'  '.repeat(depth)}${name} (${service})`,
        ...draw(spanId, depth + 1),
      ]);
  return draw(undefined, 0).join('\n');
}
