import type { Logger } from '../observability/logger.ts';
import type { AuthSettings } from './auth-settings.ts';
import { anonymous, type Caller } from './caller.ts';
import { createTokenVerifier, unauthenticated } from './token-verifier.ts';

/**
 * Tells who is calling, from the value of an `authorization` header or metadata entry.
 *
 * @throws AppError `UNAUTHENTICATED`; `IDENTITY_UNAVAILABLE` when that cannot be found out now.
 */
export type Authenticate = (authorization: string | undefined) => Promise<Caller>;

/** By bearer tokens (RFC 6750); or, as the settings say, everybody is `anonymous` and may do everything. */
export function createAuthenticate(settings: AuthSettings, logger: Logger): Authenticate {
  const { AUTH_MODE, AUTH_ISSUER, AUTH_AUDIENCE, AUTH_JWKS_URL, AUTH_ALGORITHMS } = settings;
  if (AUTH_MODE === 'off') {
    logger.warn('authentication is off: whoever reaches this service may do everything');
    return async () => anonymous;
  }
  if (!AUTH_ISSUER || !AUTH_AUDIENCE || !AUTH_JWKS_URL) throw new Error('the settings have been checked');
  const verify = createTokenVerifier({
    issuer: AUTH_ISSUER,
    audience: AUTH_AUDIENCE,
    jwksUrl: AUTH_JWKS_URL,
    algorithms: AUTH_ALGORITHMS,
  });
  return async (authorization) => {
    if (authorization === undefined) throw unauthenticated('a bearer token is needed');
    const [, token] = /^bearer +(\S+)$/i.exec(authorization) ?? [];
    if (token === undefined) throw unauthenticated('the authorization is not a bearer token');
    return verify(token);
  };
}
