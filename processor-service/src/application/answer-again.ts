import type { RepeatMessages } from '#shared/outbox/repeat-messages.ts';

/** What was said so recently is on its way: a message that came twice has not been asked twice. */
const saidForMs = 10_000;

type Take<Request> = (request: Request) => Promise<'duplicate' | undefined>;

/**
 * What takes messages, and says once more all that was said about an order when one brings nothing new: whoever repeats a
 * question may not have heard the answer.
 */
export function createAnswerAgain({ repeat }: { repeat: RepeatMessages }) {
  return <Request>(take: Take<Request>, orderIdOf: (request: Request) => string): Take<Request> =>
    async (request) => {
      const outcome = await take(request);
      if (outcome === 'duplicate') await repeat([orderIdOf(request)], saidForMs);
      return outcome;
    };
}
