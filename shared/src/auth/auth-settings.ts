import { isIPv4 } from 'node:net';
import { z } from 'zod';
import { asymmetricAlgorithms } from './token-verifier.ts';

const algorithms = z
  .string()
  .transform((text) => text.split(','))
  .pipe(z.array(z.enum(asymmetricAlgorithms)).min(1));

/** Whose tokens the services believe. */
export const authSettings = {
  AUTH_MODE: z.enum(['jwt', 'off']).default('jwt'),
  AUTH_ISSUER: z.string().optional(),
  AUTH_AUDIENCE: z.string().optional(),
  AUTH_JWKS_URL: z.url({ protocol: /^https?$/, error: 'must be an http:// URL' }).optional(),
  AUTH_ALGORITHMS: algorithms.default(['ES256', 'RS256', 'EdDSA']),
} as const;

export type AuthSettings = Readonly<z.infer<z.ZodObject<typeof authSettings>>>;

/** Without authentication a service may be reached from its own machine alone; with it, the issuer has to be known. */
export function refuseOpenDoors(
  settings: AuthSettings & { NODE_ENV: string; HOST: string },
  context: z.RefinementCtx,
): void {
  const refuse = (name: string, message: string) =>
    context.addIssue({ code: 'custom', path: [name], message });
  if (settings.AUTH_MODE === 'off') {
    if (settings.NODE_ENV === 'production') {
      refuse('AUTH_MODE', 'may not be off where NODE_ENV is production');
    }
    if (!isLoopback(settings.HOST)) {
      refuse('AUTH_MODE', `may be off only where HOST is a loopback address; it is ${settings.HOST}`);
    }
    return;
  }
  for (const name of ['AUTH_ISSUER', 'AUTH_AUDIENCE', 'AUTH_JWKS_URL'] as const) {
    if (settings[name] === undefined) refuse(name, 'is required where AUTH_MODE is jwt');
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}
