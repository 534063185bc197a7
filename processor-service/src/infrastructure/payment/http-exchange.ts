import type { Dispatcher } from 'undici';

export interface HttpRequest {
  method: 'GET' | 'POST';
  path: string;
  headers?: Record<string, string>;
  body?: string;
}

export interface HttpAnswer {
  status: number;
  body: string;
}

/** A request that got no complete answer. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  /** `false`: not one byte left this process and none will, so the other side certainly did nothing. */
  readonly sent: boolean;

  constructor(sent: boolean, cause: unknown) {
    super(sent ? 'no answer to the request' : 'the request could not be sent', { cause });
    this.sent = sent;
  }
}

const MAXIMUM_ANSWER_BYTES = 64 * 1024;

/**
 * Sends one request and reads the whole answer within `timeoutMs`, the wait for a free connection included.
 *
 * It speaks to the dispatcher directly instead of `request()`, because only the handler learns when a request starts to
 * leave, and whether it did decides if a charge may simply be repeated. Sparing the body stream is welcome besides.
 *
 * @throws {NoAnswer} and nothing else
 */
export function exchange(
  dispatcher: Dispatcher,
  request: HttpRequest,
  limits: { timeoutMs: number; signal?: AbortSignal | undefined },
): Promise<HttpAnswer> {
  const { timeoutMs, signal } = limits;
  return new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined;
    let failure: Error | undefined;
    let sent = false;
    let status = 0;
    let bytes = 0;
    const chunks: Buffer[] = [];

    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abandon);
    };
    const fail = (error: Error): void => {
      if (failure !== undefined) return;
      failure = error;
      settle();
      reject(new NoAnswer(sent, error));
      controller?.abort(error);
    };
    const abandon = (): void => fail(new Error('given up by the caller', { cause: signal?.reason }));
    const timer = setTimeout(() => fail(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    signal?.addEventListener('abort', abandon, { once: true });
    if (signal?.aborted) return abandon();

    dispatcher.dispatch(
      { ...request },
      {
        onRequestStart(started) {
          // A request that was given up while it waited for a connection must not leave after all.
          if (failure !== undefined) return started.abort(failure);
          controller = started;
          sent = true;
        },
        onResponseStart(_controller, statusCode) {
          status = statusCode;
        },
        onResponseData(_controller, chunk) {
          bytes += chunk.length;
          if (bytes > MAXIMUM_ANSWER_BYTES)
            fail(new Error(`answer longer than ${MAXIMUM_ANSWER_BYTES} bytes`));
          else chunks.push(chunk);
        },
        onResponseEnd() {
          settle();
          resolve({ status, body: Buffer.concat(chunks).toString() });
        },
        onResponseError(_controller, error) {
          fail(error);
        },
      },
    );
  });
}
