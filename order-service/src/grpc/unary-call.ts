import type { handleUnaryCall } from '@grpc/grpc-js';
import { admit, type CallContext, receive, refusalFor, type ServingDependencies } from './call-context.ts';

export type UnaryMethod<Request, Response> = (request: Request, context: CallContext) => Promise<Response>;

/**
 * Serves a method to callers who have the scope: identifies the call, answers errors as a status with details, and stops
 * the work when nobody waits for it any more.
 */
export function serveUnary<Request, Response>(
  method: UnaryMethod<Request, Response>,
  dependencies: ServingDependencies,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    const arrival = receive(call);
    const { signal } = arrival.ending;

    const answer = async (): Promise<void> => {
      try {
        const context = await admit(call, arrival, dependencies);
        const response = await method(call.request, context);
        callback(null, response, context.trailer);
      } catch (thrown) {
        // grpc-js has told the caller why, if there still is one.
        if (signal.aborted && thrown === signal.reason) return;
        callback(refusalFor(thrown, call, arrival, dependencies));
      }
    };
    void answer();
  };
}
