import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { service } from 'grpc-health-check';

/** What `grpc.health.v1` says at the address about a name; the empty one is the whole server. */
export function grpcHealthOf(address: string, name = ''): Promise<string> {
  const client = new Client(address, credentials.createInsecure());
  const { path, requestSerialize, responseDeserialize } = service['Check']!;
  return new Promise<{ status: string }>((resolve, reject) => {
    const callback = (error: Error | null, answer?: unknown) => {
      if (error) reject(error);
      else resolve(answer as { status: string });
    };
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { service: name }, callback);
  })
    .then(({ status }) => status)
    .finally(() => client.close());
}

/** Watches what it says until the call ends: `complete`, or the code it was ended with. */
export function watchGrpcHealth(address: string): {
  readonly seen: readonly string[];
  readonly end: Promise<'complete' | number>;
} {
  const client = new Client(address, credentials.createInsecure());
  const { path, requestSerialize, responseDeserialize } = service['Watch']!;
  const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { service: '' });
  const seen: string[] = [];
  call.on('data', ({ status }: { status: string }) => seen.push(status));
  const end = new Promise<'complete' | number>((resolve) => {
    call.once('end', () => resolve('complete'));
    call.once('error', ({ code }: ServiceError) => resolve(code));
  });
  return { seen, end: end.finally(() => client.close()) };
}
