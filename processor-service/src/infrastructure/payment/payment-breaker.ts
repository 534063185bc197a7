import {
  BrokenCircuitError,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  type FailureReason,
  handleAll,
} from 'cockatiel';
import type { Logger } from 'pino';
import { AppError } from '#shared/kernel/errors.ts';
import { inBrief } from '#shared/observability/logger.ts';
import type { PaymentGateway } from '../../application/ports/payment-gateway.ts';

/** `closed`: calls go through. `open`: none does. `half-open`: one does, and the others wait for what it finds. */
export type Circuit = 'closed' | 'open' | 'half-open';

/** A gateway that does not call a provider which has not answered for a while. */
export interface PaymentBreaker extends PaymentGateway {
  circuit(): Circuit;
}

const circuitOf: Record<CircuitState, Circuit> = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.Open]: 'open',
  [CircuitState.HalfOpen]: 'half-open',
  [CircuitState.Isolated]: 'open',
};

/**
 * Puts a circuit breaker round a gateway. So many calls in a row without a clear answer open the circuit, whoever made
 * them and whatever they asked for. Any clear answer, also a decline or a refusal, starts the count anew; but not the
 * answer to a look-up, because each failed charge is followed by one, and a provider may well answer those while it
 * cannot charge. While the circuit is open, calls throw `PAYMENT_UNAVAILABLE` of kind `unavailable` and nothing is sent.
 * After `openMs` the next call is let through to see, and closes the circuit or opens it again. The calls that open it
 * fail with the kind `unavailable`, too: in a long outage their orders would otherwise use up their attempts by probing.
 *
 * @param onOpen the circuit has opened: whoever brings work that needs the provider may as well stop
 * @param onRetry a call is welcome again, because `openMs` are over or because the provider has answered
 */
export function createPaymentBreaker(options: {
  gateway: PaymentGateway;
  failures: number;
  openMs: number;
  onOpen: () => void;
  onRetry: () => void;
  logger: Logger;
}): PaymentBreaker {
  const { gateway, failures, openMs, onOpen, onRetry, logger } = options;
  const policy = circuitBreaker(handleAll, {
    breaker: new ConsecutiveBreaker(failures),
    halfOpenAfter: openMs,
  });
  let untilRetry: NodeJS.Timeout | undefined;
  let isOutageKnown = false;

  policy.onStateChange((state) => {
    clearTimeout(untilRetry);
    const circuit = circuitOf[state];
    log(circuit);
    if (circuit === 'open') {
      untilRetry = setTimeout(onRetry, openMs).unref();
      onOpen();
    } else {
      onRetry();
    }
  });

  /** An outage is told once; that it goes on, with every probe, only to whoever wants to know everything. */
  function log(circuit: Circuit): void {
    if (circuit === 'closed') logger.info({ circuit }, 'payment provider answers again');
    else if (isOutageKnown) logger.debug({ circuit }, 'payment provider is probed');
    else
      logger.warn({ circuit, err: inBrief(errorOf(policy.lastFailure)) }, 'payment provider does not answer');
    isOutageKnown = circuit !== 'closed';
  }

  async function guard<T>(call: () => Promise<T>): Promise<T> {
    const end = await policy
      .execute(() => endOf(call()))
      .catch((error: unknown) => {
        if (error instanceof BrokenCircuitError) throw circuitIsOpen(error);
        throw policy.state === CircuitState.Closed ? error : blamedOnProvider(error as AppError);
      });
    return unwrap(end);
  }

  /** Only that there is no answer counts. */
  async function guardLookup<T>(call: () => Promise<T>): Promise<T> {
    if (policy.state !== CircuitState.Closed) return guard(call);
    const end = await settled(call());
    if ('error' in end && isOutage(end.error)) return guard(() => Promise.reject(end.error));
    return unwrap(end);
  }

  return {
    charge: (request) => guard(() => gateway.charge(request)),
    lookup: (request) => guardLookup(() => gateway.lookup(request)),
    cancel: (request) => guard(() => gateway.cancel(request)),
    refund: (request) => guard(() => gateway.refund(request)),
    circuit: () => circuitOf[policy.state],
  };
}

/** The end of a call as the policy sees it: it fails only where the provider is to blame, anything else is an answer. */
type End<T> = { readonly value: T } | { readonly error: unknown };

async function endOf<T>(call: Promise<T>): Promise<End<T>> {
  const end = await settled(call);
  if ('error' in end && isOutage(end.error)) throw end.error;
  return end;
}

async function settled<T>(call: Promise<T>): Promise<End<T>> {
  try {
    return { value: await call };
  } catch (error) {
    return { error };
  }
}

function unwrap<T>(end: End<T>): T {
  if ('error' in end) throw end.error;
  return end.value;
}

function isOutage(error: unknown): boolean {
  if (!(error instanceof AppError)) return false;
  if (error.data['answered'] === true) return false;
  return error.code === 'PAYMENT_UNAVAILABLE' || error.code === 'PAYMENT_OUTCOME_UNKNOWN';
}

function circuitIsOpen(cause: BrokenCircuitError): AppError {
  return new AppError({
    code: 'PAYMENT_UNAVAILABLE',
    kind: 'unavailable',
    message: 'The payment provider has not answered for a while; nothing was sent.',
    cause,
  });
}

/**
 * The call that opened the circuit, or probed it: it is not the fault of what it was for, as far as anybody can tell. Should
 * the provider have no answer to that alone, the next probe had better be for something else.
 */
function blamedOnProvider({ code, message, data, cause }: AppError): AppError {
  return new AppError({ code, kind: 'unavailable', message, data: { ...data, wasTried: true }, cause });
}

function errorOf(failure: FailureReason<unknown> | undefined): unknown {
  return failure && 'error' in failure ? failure.error : undefined;
}
