import {
  ResponderBuilder,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  ServerListenerBuilder,
  status,
} from '@grpc/grpc-js';

/**
 * Tells once how a call ends: with the status that is sent, or because its client gave it up.
 *
 * @param listener what else is to be heard of the call
 */
export function untilEnd(
  call: ServerInterceptingCallInterface,
  onEnd: (code: status) => void,
  listener = new ServerListenerBuilder(),
): ServerInterceptingCall {
  let isOver = false;
  const end = (code: status): void => {
    if (isOver) return;
    isOver = true;
    onEnd(code);
  };
  const heard = listener.withOnCancel(() => end(status.CANCELLED)).build();
  const responder = new ResponderBuilder()
    .withStart((next) => next(heard))
    .withSendStatus((sent, next) => {
      end(sent.code);
      next(sent);
    })
    .build();
  return new ServerInterceptingCall(call, responder);
}
