/**
 * Takes the place of a collector: listens for OTLP over HTTP on port 4318 and prints a line `SERVICE TRACE` for every span,
 * with the id of its trace.
 */
import { createServer, type IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';

/** The part of an OTLP request that we read. */
interface TraceRequest {
  readonly resourceSpans: readonly {
    readonly resource: {
      readonly attributes: readonly {
        readonly key: string;
        readonly value: { readonly stringValue?: string };
      }[];
    };
    readonly scopeSpans: readonly { readonly spans: readonly { readonly traceId: string }[] }[];
  }[];
}

async function print(request: IncomingMessage): Promise<void> {
  const { resourceSpans } = (await json(request)) as TraceRequest;
  for (const { resource, scopeSpans } of resourceSpans) {
    const service = resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue;
    for (const { traceId } of scopeSpans.flatMap(({ spans }) => spans)) console.log(`${service} ${traceId}`);
  }
}

createServer((request, response) => {
  print(request)
    .then(() => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'))
    .catch((error: unknown) => response.writeHead(400).end(String(error)));
}).listen(4318);
