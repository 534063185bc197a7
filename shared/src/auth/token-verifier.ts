import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { AppError } from '../kernel/errors.ts';
import { type Caller, type Scope, scopes } from './caller.ts';

/** Those that need no shared secret: with them, who can verify a token cannot make one. */
export const asymmetricAlgorithms = [
  'ES256',
  'ES384',
  'ES512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'EdDSA',
] as const;

/** Which tokens are believed. */
export interface TrustedTokens {
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly (typeof asymmetricAlgorithms)[number][];
  /** Where the issuer publishes its keys. */
  readonly jwksUrl: string;
  /** How long fetched keys are used before they are fetched again; ten minutes by default. */
  readonly keysMaxAgeMs?: number;
  /** A token with an unknown key makes us look for new ones at most this often; every thirty seconds by default. */
  readonly cooldownMs?: number;
  /** How long fetching may take; three seconds by default. */
  readonly timeoutMs?: number;
}

/** @throws AppError `UNAUTHENTICATED`; `IDENTITY_UNAVAILABLE` when the issuer's keys cannot be had. */
export type VerifyToken = (token: string) => Promise<Caller>;

const mostCharacters = 8_192;
const clockToleranceSeconds = 5;
const compactForm = /^[\w-]+\.[\w-]+\.[\w-]+$/;
/** As long as the id of a customer may be. */
const longestSubject = 64;
/** RFC 9068: says that it was issued for calling an API, and not to tell a website who somebody is. */
const accessTokenType = 'at+jwt';
/** Members by which a token would choose its own key or other rules for itself. */
const refusedMembers = ['jwk', 'jku', 'x5c', 'x5u', 'crit', 'b64', 'zip', 'enc'];
const keyIdPattern = /^[\x21-\x7e]{1,128}$/;

/**
 * Verifies access tokens (RFC 7519, RFC 9068): signature by one of the issuer's published keys, chosen by `kid` and
 * matching the algorithm; `typ`, `iss`, `aud`, `exp`, `nbf`; a subject that can be a customer's id. Unknown scopes are
 * left out.
 */
export function createTokenVerifier(trusted: TrustedTokens): VerifyToken {
  const { issuer, audience, algorithms, jwksUrl } = trusted;
  const publishedKeys = createRemoteJWKSet(new URL(jwksUrl), {
    cacheMaxAge: trusted.keysMaxAgeMs ?? 600_000,
    cooldownDuration: trusted.cooldownMs ?? 30_000,
    timeoutDuration: trusted.timeoutMs ?? 3_000,
  });
  const keyOf: JWTVerifyGetKey = async (header, input) => {
    const unusable = refusedMembers.find((member) => member in header);
    if (unusable !== undefined) throw unauthenticated(`the token's header may not have ${unusable}`);
    if (typeof header.kid !== 'string' || !keyIdPattern.test(header.kid)) {
      throw unauthenticated("the token's header names no key");
    }
    try {
      return await publishedKeys(header, input);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) throw error;
      throw new AppError({
        code: 'IDENTITY_UNAVAILABLE',
        kind: 'unavailable',
        message: 'the keys of the token issuer cannot be had',
        cause: error,
      });
    }
  };
  const options = {
    issuer,
    audience,
    algorithms: [...algorithms],
    typ: accessTokenType,
    clockTolerance: clockToleranceSeconds,
    requiredClaims: ['exp', 'sub'],
  };

  return async (token) => {
    if (token.length > mostCharacters) throw unauthenticated('the token is too long');
    if (!compactForm.test(token)) throw unauthenticated('that is no signed token');
    try {
      const { payload } = await jwtVerify(token, keyOf, options);
      return callerOf(payload);
    } catch (error) {
      throw error instanceof AppError ? error : unauthenticated(reasonOf(error));
    }
  };
}

function callerOf({ sub, exp, scope = '' }: JWTPayload & { scope?: unknown }): Caller {
  if (typeof sub !== 'string' || !isSubject(sub)) throw unauthenticated("the token's subject is not usable");
  if (typeof scope !== 'string') throw unauthenticated("the token's scope has to be text");
  const granted = new Set(scope.split(' '));
  return {
    subject: sub,
    scopes: new Set<Scope>(scopes.filter((known) => granted.has(known))),
    expiresAt: new Date((Number(exp) + clockToleranceSeconds) * 1_000),
  };
}

/** The same text that may be the id of a customer, as it is. */
function isSubject(sub: string): boolean {
  return (
    sub.length > 0 &&
    sub.length <= longestSubject &&
    sub === sub.trim() &&
    sub.isWellFormed() &&
    !/\p{Cc}|\p{Cf}/u.test(sub)
  );
}

/** Enough for whoever has the token, and nothing out of it. */
function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'the token has expired';
  if (error instanceof errors.JWTClaimValidationFailed) return `the token's ${error.claim} is not accepted`;
  if (error instanceof errors.JOSEAlgNotAllowed) return "the token's algorithm is not accepted";
  return 'the token cannot be verified';
}

export function unauthenticated(message: string): AppError {
  return new AppError({ code: 'UNAUTHENTICATED', kind: 'rejected', message });
}
