import { once } from 'node:events';
import type { handleServerStreamingCall } from '@grpc/grpc-js';
import { admit, type CallContext, receive, refusalFor, type ServingDependencies } from './call-context.ts';

/** The signal is aborted in any case, at the latest when the stream is over. */
export type StreamMethod<Request, Response> = (
  request: Request,
  context: CallContext,
) => AsyncIterable<Response>;

/** Like `serveUnary`, for a stream of responses. The next one is asked for when the caller has room for it. */
export function serveStream<Request, Response>(
  method: StreamMethod<Request, Response>,
  dependencies: ServingDependencies,
): handleServerStreamingCall<Request, Response> {
  return (call) => {
    const arrival = receive(call);
    const { signal } = arrival.ending;

    const answer = async (): Promise<void> => {
      try {
        const context = await admit(call, arrival, dependencies);
        for await (const response of method(call.request, context)) {
          if (!call.write(response)) await once(call, 'drain', { signal });
        }
        call.end(context.trailer);
      } catch (thrown) {
        // grpc-js has told the caller why, if there still is one.
        if (!signal.aborted) call.emit('error', refusalFor(thrown, call, arrival, dependencies));
      } finally {
        arrival.ending.abort();
      }
    };
    void answer();
  };
}
