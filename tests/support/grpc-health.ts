import { Client, credentials } from '@grpc/grpc-js';
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
