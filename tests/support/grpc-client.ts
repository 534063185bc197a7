import {
  type CallOptions,
  type ClientReadableStream,
  type ClientUnaryCall,
  credentials,
  Metadata as GrpcMetadata,
  type Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { detailsKey } from '#order-service/grpc/error-status.ts';
import { BadRequest, ErrorInfo, RetryInfo } from '#order-service/grpc/protobuf/google/rpc/error_details.ts';
import { Status } from '#order-service/grpc/protobuf/google/rpc/status.ts';
import {
  GetOrderRequest,
  type OrderEvent,
  OrderServiceClient,
  type WatchOrderResponse,
} from '#order-service/grpc/protobuf/oms/v1/order_service.ts';
import { eventually } from './eventually.ts';

type Callback<Response> = (error: ServiceError | null, response: Response) => void;
type Method<Request, Response> = (
  request: Request,
  metadata: GrpcMetadata,
  options: Partial<CallOptions>,
  callback: Callback<Response>,
) => ClientUnaryCall;

export interface Refusal {
  readonly code: number;
  readonly message: string;
  readonly reason: string | undefined;
  readonly fields: readonly string[];
  /** After how many seconds to come back. */
  readonly retrySeconds: number | undefined;
}

export function connectOrders(address: string): OrderServiceClient {
  return new OrderServiceClient(address, credentials.createInsecure());
}

/** Makes a call and gives the response with the metadata around it. @throws ServiceError */
export async function call<Request, Response>(
  client: OrderServiceClient,
  method: Method<Request, Response>,
  request: Request,
  options: { metadata?: Readonly<Record<string, string>>; deadlineMs?: number; signal?: AbortSignal } = {},
): Promise<{ response: Response; initial: Metadata; trailer: Metadata }> {
  const { metadata = {}, deadlineMs = 10_000, signal } = options;
  const sent = new GrpcMetadata();
  for (const [name, value] of Object.entries(metadata)) sent.set(name, value);
  let initial = new GrpcMetadata();
  let trailer = new GrpcMetadata();
  const response = await new Promise<Response>((resolve, reject) => {
    const deadline = Date.now() + deadlineMs;
    const running = method.call(client, request, sent, { deadline }, (error, answer) => {
      if (error) reject(error);
      else resolve(answer);
    });
    running.once('metadata', (received) => {
      initial = received;
    });
    running.once('status', (ended) => {
      trailer = ended.metadata;
    });
    signal?.addEventListener('abort', () => running.cancel());
  });
  // The status comes right after the response.
  await new Promise((resolve) => setImmediate(resolve));
  return { response, initial, trailer };
}

/** The status of a call to any method, unary or streaming, whose request begins with the id of an order. */
export async function statusOf(
  client: OrderServiceClient,
  path: string,
  request: { orderId: string; metadata: Readonly<Record<string, string>> },
): Promise<number> {
  const sent = new GrpcMetadata();
  for (const [name, value] of Object.entries(request.metadata)) sent.set(name, value);
  const bytes = Buffer.from(GetOrderRequest.encode({ orderId: request.orderId }).finish());
  const identity = (message: Buffer) => message;
  const options = { deadline: Date.now() + 10_000 };
  const running = client.makeServerStreamRequest(path, identity, identity, bytes, sent, options);
  return new Promise((resolve) => {
    running.on('data', () => running.cancel());
    running.on('error', () => {});
    running.on('status', ({ code }) => resolve(code));
  });
}

/** What a call is refused with. @throws Error when it is not refused. */
export async function refusalOf(calling: Promise<unknown>): Promise<Refusal> {
  const error = await calling.then(
    () => undefined,
    (thrown: unknown) => thrown as ServiceError,
  );
  if (!error) throw new Error('the call was not refused');
  const [bytes] = error.metadata.get(detailsKey);
  const details = bytes === undefined ? [] : Status.decode(bytes as Buffer).details;
  const find = (name: string) => details.find(({ typeUrl }) => typeUrl.endsWith(`.${name}`))?.value;
  const [info, bad, retry] = [find('ErrorInfo'), find('BadRequest'), find('RetryInfo')];
  return {
    code: error.code,
    message: error.details,
    reason: info && ErrorInfo.decode(info).reason,
    fields: bad ? BadRequest.decode(bad).fieldViolations.map(({ field }) => field) : [],
    retrySeconds: retry && Number(RetryInfo.decode(retry).retryDelay?.seconds),
  };
}

/** What a client of `WatchOrder` is told. */
export interface OrderWatch {
  readonly events: readonly OrderEvent[];
  /** As `1 placed`. */
  readonly seen: () => readonly string[];
  /** Waits for the event. */
  until(type: string): Promise<void>;
  /** Whether it is complete, or what it was refused with. */
  readonly end: Promise<'complete' | Refusal>;
  readonly stream: ClientReadableStream<WatchOrderResponse>;
}

/** Follows an order until the stream ends. */
export function watchOrder(
  client: OrderServiceClient,
  orderId: string,
  options: { afterVersion?: number; deadlineMs?: number; metadata?: Readonly<Record<string, string>> } = {},
): OrderWatch {
  const { afterVersion = 0, deadlineMs = 60_000, metadata = {} } = options;
  const sent = new GrpcMetadata();
  for (const [name, value] of Object.entries(metadata)) sent.set(name, value);
  const events: OrderEvent[] = [];
  const seen = () => events.map(({ version, type }) => `${version} ${type}`);
  const stream = client.watchOrder({ orderId, afterVersion }, sent, { deadline: Date.now() + deadlineMs });
  stream.on('data', ({ event }: WatchOrderResponse) => event && events.push(event));
  const ended = new Promise<'complete'>((resolve, reject) => {
    stream.once('end', () => resolve('complete'));
    stream.once('error', reject);
  });
  return {
    events,
    seen,
    until: async (type) => {
      await eventually(() => {
        if (!events.some((event) => event.type === type)) throw new Error(`no ${type}: ${seen().join(', ')}`);
      });
    },
    end: ended.catch(() => refusalOf(ended)),
    stream,
  };
}
