import { issueToken } from '#scripts/local-issuer/issuer.ts';
import { StackError } from '#scripts/local-stack/stack-error.ts';
import { readStackFile, type StackDescription } from '#scripts/local-stack/stack-file.ts';
import { asking } from './http.ts';
import { StoryFailed } from './story-failed.ts';

/** Headers that say who asks. */
export type Identity = Readonly<Record<string, string>>;

export interface RunningSystem {
  readonly stack: StackDescription;
  /** The headers of somebody with these scopes; a token where the system wants one. */
  identify(subject: string, scope: string): Promise<Identity>;
}

/** Short enough for a token that nobody takes back. */
const tokenLifetime = '15m';

/**
 * The system that `npm start` runs out of this folder.
 *
 * @throws StackError that says what is missing when there is none, or when a part of it is not ready.
 */
export async function findRunningSystem(dir: string): Promise<RunningSystem> {
  const stack = readStackFile(dir);
  if (stack === undefined) {
    throw new StackError(`No system runs out of ${dir}. Start one in another terminal: npm start`);
  }
  const { orderService, processorService, paymentSandbox } = stack;
  const complaints = await Promise.all([
    complaintAbout('order-service', orderService),
    complaintAbout('processor-service', processorService),
    complaintAbout('payment-sandbox', paymentSandbox),
  ]);
  const missing = complaints.filter((complaint) => complaint !== undefined);
  if (missing.length > 0) throw new StackError(missing.join('\n'));

  const wantsTokens = await refusesStrangers(orderService);
  return {
    stack,
    async identify(subject, scope) {
      // Without tokens, operators say who they are.
      if (!wantsTokens) return { 'x-operator': subject };
      const token = await issueToken(dir, { subject, scope, lifetime: tokenLifetime });
      return { authorization: `Bearer ${token}` };
    },
  };
}

async function complaintAbout(service: string, url: string): Promise<string | undefined> {
  try {
    const { status, body } = await asking(service, url)({ method: 'GET', path: '/health/ready' });
    if (status === 200) return undefined;
    return `The ${service} at ${url} is not ready: ${JSON.stringify(body)}`;
  } catch (error) {
    if (!(error instanceof StoryFailed)) throw error;
    return `${error.message}. Does npm start still run?`;
  }
}

async function refusesStrangers(orderService: string): Promise<boolean> {
  const { status } = await asking('order-service', orderService)({ method: 'GET', path: '/orders?limit=1' });
  return status === 401;
}
