import { StoryFailed } from './story-failed.ts';

export interface Answer<Body> {
  readonly status: number;
  readonly body: Body;
}

export interface Request {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly body?: unknown;
}

/** Asks one service in the name of somebody. */
export type Ask = <Body>(request: Request) => Promise<Answer<Body>>;

/** An answer that takes longer than this is none. */
const patienceMs = 10_000;

/**
 * @param service what it is called when it does not answer
 * @param headers that say who asks
 * @throws StoryFailed from the calls when there is no answer. What a status means is up to the caller.
 */
export function asking(
  service: string,
  baseUrl: string,
  headers: Readonly<Record<string, string>> = {},
): Ask {
  return async ({ method, path, body }: Request) => {
    try {
      const response = await fetch(`${baseUrl}${path}`, {
        method,
        headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(patienceMs),
      });
      const text = await response.text();
      return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
    } catch (error) {
      throw new StoryFailed(
        `${method} ${path}: the ${service} at ${baseUrl} did not answer: ${reasonOf(error)}`,
      );
    }
  };
}

/** The answer, which has to have this status. @throws StoryFailed with both when it has not. */
export function expectStatus<Body>(expected: number, what: string, answer: Answer<Body>): Body {
  if (answer.status === expected) return answer.body;
  throw new StoryFailed(
    `${what}: expected ${expected}, was answered ${answer.status}: ${JSON.stringify(answer.body)}`,
  );
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  const { code } = (cause ?? {}) as NodeJS.ErrnoException;
  return code ?? message;
}
