import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type CryptoKey, exportSPKI, type JWTHeaderParameters, SignJWT } from 'jose';
import { newKey, type SigningKey, startKeyServer } from './testing/key-server.ts';
import { createTokenVerifier } from './token-verifier.ts';

const issuer = 'https://issuer.example';
const audience = 'orders';
const seconds = () => Math.floor(Date.now() / 1000);

const key = await newKey('key-1');
const otherKey = await newKey('key-2');
const rsaKey = await newKey('key-rsa', 'RS256');
const stranger = await newKey('key-1');
let server: Awaited<ReturnType<typeof startKeyServer>>;

beforeAll(async () => {
  server = await startKeyServer([key, otherKey, rsaKey]);
});
afterAll(() => server.close());

const verifierOf = (
  jwksUrl: string,
  times: { cooldownMs?: number; keysMaxAgeMs?: number; timeoutMs?: number } = {},
) => createTokenVerifier({ issuer, audience, algorithms: ['ES256', 'EdDSA'], jwksUrl, ...times });

const goodHeader = { alg: 'ES256', typ: 'at+jwt', kid: 'key-1' };
const goodClaims = () => ({
  iss: issuer,
  aud: audience,
  sub: 'alice',
  scope: 'orders:read orders:write',
  iat: seconds(),
  exp: seconds() + 600,
});

type Members = Record<string, unknown>;

/** A token that is right but for what is said; `undefined` takes a member away. */
function sign(claims: Members = {}, header: Members = {}, by: CryptoKey = key.privateKey): Promise<string> {
  const payload = withoutUndefined({ ...goodClaims(), ...claims });
  const full = withoutUndefined({ ...goodHeader, ...header }) as unknown as JWTHeaderParameters;
  return new SignJWT(payload).setProtectedHeader(full).sign(by);
}

const withoutUndefined = (members: Members): Members =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));

const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** Whatever header and payload, with the real key's signature over them: what no library would sign. */
async function signRaw(header: unknown, payload: unknown): Promise<string> {
  const input = `${encode(header)}.${encode(payload)}`;
  const signature = await crypto.subtle.sign(
    { name: 'ECDSA', hash: 'SHA-256' },
    key.privateKey,
    Buffer.from(input),
  );
  return `${input}.${Buffer.from(signature).toString('base64url')}`;
}

/** HS256 with text that everybody knows, such as a public key. */
function hmac(secret: string, header: Members = {}): string {
  const input = `${encode({ ...goodHeader, alg: 'HS256', ...header })}.${encode(goodClaims())}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

function unsigned(alg: string, header: Members = {}): string {
  return `${encode({ ...goodHeader, alg, ...header })}.${encode(goodClaims())}.`;
}

const parts = async (): Promise<[string, string, string]> =>
  (await sign()).split('.') as [string, string, string];
const foreign = (header: Members) => sign({}, header, stranger.privateKey);
const jwkOf = ({ publicJwk }: SigningKey) => publicJwk;

const forgeries: Record<string, () => string | Promise<string>> = {
  'no token': () => '',
  'some text': () => 'let-me-in',
  'alg none': () => unsigned('none'),
  'alg None': () => unsigned('None'),
  'alg NONE with a signature': async () => unsigned('NONE') + (await parts())[2],
  'no alg': () => signRaw({ typ: 'at+jwt', kid: 'key-1' }, goodClaims()),
  'alg that is a list': () => signRaw({ ...goodHeader, alg: ['ES256'] }, goodClaims()),
  'HS256 keyed with the public key as PEM': async () => hmac(await exportSPKI(key.publicKey)),
  'HS256 keyed with the public key as JSON': () => hmac(JSON.stringify(jwkOf(key))),
  'HS256 keyed with nothing': () => hmac(''),
  HS512: () => hmac('secret', { alg: 'HS512' }),
  'an algorithm that is not accepted here': () =>
    sign({}, { alg: 'RS256', kid: 'key-rsa' }, rsaKey.privateKey),
  'another algorithm than that of the key': () => signRaw({ ...goodHeader, alg: 'EdDSA' }, goodClaims()),
  'kid of another published key': () => sign({}, { kid: 'key-2' }),
  'kid nobody published': () => sign({}, { kid: 'key-9' }),
  'no kid': () => sign({}, { kid: undefined }),
  'empty kid': () => sign({}, { kid: '' }),
  'kid that is a number': () => signRaw({ ...goodHeader, kid: 1 }, goodClaims()),
  'kid that is a path': () => hmac('', { alg: 'HS256', kid: '../../../../dev/null' }),
  'kid that is a path, signed': () => foreign({ kid: '/dev/null' }),
  'kid that is SQL': () => foreign({ kid: "key-1' OR '1'='1" }),
  'kid that is a URL': () => foreign({ kid: 'http://127.0.0.1/keys' }),
  'kid with a null character': () => foreign({ kid: 'key-1\u0000' }),
  'kid __proto__': () => foreign({ kid: '__proto__' }),
  'kid that looks alike': () => foreign({ kid: 'kеy-1' }),
  'kid that is very long': () => foreign({ kid: 'k'.repeat(1_000) }),
  'the right kid, another key': () => foreign({}),
  'jwk in the header': () => foreign({ jwk: jwkOf(stranger) }),
  'jwk in the header of a good token': () => sign({}, { jwk: jwkOf(key) }),
  'jku in the header': () => foreign({ jku: 'http://127.0.0.1/keys' }),
  'jku in the header of a good token': () => sign({}, { jku: 'http://127.0.0.1/keys' }),
  'x5u in the header': () => sign({}, { x5u: 'http://127.0.0.1/certificate' }),
  'x5c in the header': () => sign({}, { x5c: ['MIIB'] }),
  'an unknown crit': () => signRaw({ ...goodHeader, crit: ['exp'], exp: 1 }, goodClaims()),
  'an empty crit': () => signRaw({ ...goodHeader, crit: [] }, goodClaims()),
  'b64 false': () => signRaw({ ...goodHeader, b64: false, crit: ['b64'] }, goodClaims()),
  zip: () => sign({}, { zip: 'DEF' }),
  'another issuer': () => sign({ iss: 'https://evil.example' }),
  'the issuer with a slash': () => sign({ iss: `${issuer}/` }),
  'the issuer in a list': () => sign({ iss: [issuer] }),
  'no issuer': () => sign({ iss: undefined }),
  'another audience': () => sign({ aud: 'payments' }),
  'other audiences': () => sign({ aud: ['payments', 'Orders'] }),
  'no audience': () => sign({ aud: undefined }),
  'typ of an ID token': () => sign({}, { typ: 'JWT' }),
  'typ of a logout token': () => sign({}, { typ: 'logout+jwt' }),
  'no typ': () => sign({}, { typ: undefined }),
  expired: () => sign({ exp: seconds() - 60 }),
  'no exp': () => sign({ exp: undefined }),
  'exp that is text': () => signRaw(goodHeader, { ...goodClaims(), exp: '9999999999' }),
  'exp null': () => signRaw(goodHeader, { ...goodClaims(), exp: null }),
  'not yet valid': () => sign({ nbf: seconds() + 60 }),
  'no subject': () => sign({ sub: undefined }),
  'an empty subject': () => sign({ sub: '' }),
  'a subject that is a number': () => signRaw(goodHeader, { ...goodClaims(), sub: 7 }),
  'a subject that is too long': () => sign({ sub: 'a'.repeat(65) }),
  'a subject with a line break': () => sign({ sub: 'alice\nadmin' }),
  'a subject with a space around it': () => sign({ sub: ' alice' }),
  'a subject with an invisible character': () => sign({ sub: 'alice\u200b' }),
  'a subject with half a character': () => signRaw(goodHeader, { ...goodClaims(), sub: 'alice\ud800' }),
  'a scope that is a list': () => sign({ scope: ['ops'] }),
  'a payload that is a list': () => signRaw(goodHeader, []),
  'a payload that is no JSON': () => signRaw(goodHeader, 'alice'),
  'a header that is no JSON': () => signRaw('{', goodClaims()),
  'an oversized token': () => sign({ padding: 'x'.repeat(9_000) }),
  'a truncated signature': async () => (await sign()).slice(0, -4),
  'no signature': async () => (await parts()).slice(0, 2).join('.'),
  'an empty signature': async () => `${(await parts()).slice(0, 2).join('.')}.`,
  'the signature of another token': async () => {
    const [header, payload] = await parts();
    return [header, payload, (await sign({ sub: 'bob' })).split('.')[2]].join('.');
  },
  'a payload put in afterwards': async () => {
    const [header, , signature] = await parts();
    return [header, encode({ ...goodClaims(), scope: 'ops' }), signature].join('.');
  },
  'a signature of zeros': async () => [...(await parts()).slice(0, 2), 'A'.repeat(86)].join('.'),
  'five parts': async () => `${await sign()}.a.b`,
  'padding in it': async () => `${await sign()}=`,
  'a line break in it': async () => (await sign()).replace('.', '.\n'),
  'a full-width full stop': async () => (await sign()).replace('.', '．'),
  'a second token behind it': async () => `${await sign()},${await sign()}`,
};

describe('a token verifier', () => {
  test('knows who calls and what the token allows, without scopes that it does not know', async () => {
    const exp = seconds() + 600;
    const token = await sign({ exp, scope: 'orders:read email orders:write ORDERS:ADMIN' });
    const caller = await verifierOf(server.url)(token);
    expect(caller).toEqual({
      subject: 'alice',
      scopes: new Set(['orders:read', 'orders:write']),
      expiresAt: new Date((exp + 5) * 1_000),
    });
  });

  test.each([
    ['no scope', {}, { scope: undefined }],
    ['one audience among others', {}, { aud: ['payments', audience] }],
    ['a clock that is a little late', {}, { exp: seconds() - 2 }],
    ['the long form of the type', { typ: 'application/at+jwt' }, {}],
    ['another published key', { kid: 'key-2' }, {}],
  ])('accepts %s', async (_name, header: Members, claims: Members) => {
    const by = header.kid === 'key-2' ? otherKey.privateKey : key.privateKey;
    const token = await sign(claims, header, by);
    expect(await verifierOf(server.url)(token)).toMatchObject({ subject: 'alice' });
  });

  test('tries at least forty forgeries', () => {
    expect(Object.keys(forgeries).length).toBeGreaterThanOrEqual(40);
  });

  test.each(Object.entries(forgeries))('refuses %s', async (_name, forge) => {
    const verify = verifierOf(server.url);
    const token = await forge();
    const refusal = await verify(token).then(
      () => 'accepted',
      (error: unknown) => error,
    );
    expect(refusal).toMatchObject({ code: 'UNAUTHENTICATED', kind: 'rejected' });
    if (token !== '') expect((refusal as Error).message).not.toContain(token);
  });

  test('never looks for keys on account of a token that is refused without them', async () => {
    const before = server.requests;
    const verify = verifierOf(server.url);
    for (const name of ['alg none', 'an oversized token', 'HS256 keyed with nothing', 'no kid']) {
      await verify(await forgeries[name]!()).catch(() => undefined);
    }
    expect(server.requests - before).toBe(0);
  });
});

describe('the keys of the issuer', () => {
  test('are fetched once for many tokens', async () => {
    const own = await startKeyServer([key]);
    const verify = verifierOf(own.url);
    const token = await sign();
    await Promise.all(Array.from({ length: 20 }, () => verify(token)));
    await verify(token);
    expect(own.requests).toBe(1);
    await own.close();
  });

  test('may be rotated: a new one is found, one that was taken away is not accepted any more', async () => {
    const own = await startKeyServer([key]);
    const verify = verifierOf(own.url, { cooldownMs: 0 });
    await verify(await sign());
    own.keys = [otherKey];
    await expect(verify(await sign({}, { kid: 'key-2' }, otherKey.privateKey))).resolves.toBeDefined();
    await expect(verify(await sign())).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    await own.close();
  });

  test('are not fetched for every token with an unknown key', async () => {
    const own = await startKeyServer([key]);
    const verify = verifierOf(own.url, { cooldownMs: 60_000 });
    await verify(await sign());
    const unknown = await foreign({ kid: 'key-9' });
    for (let attempt = 0; attempt < 20; attempt += 1) {
      await expect(verify(unknown)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    }
    expect(own.requests).toBe(1);
    await own.close();
  });

  test.each(['fails', 'hangs'] as const)(
    'are away when their server %s: no verdict about the token',
    async (mode) => {
      const own = await startKeyServer([key]);
      own.mode = mode;
      const verify = verifierOf(own.url, { timeoutMs: 100 });
      const token = await sign();
      await expect(verify(token)).rejects.toMatchObject({
        code: 'IDENTITY_UNAVAILABLE',
        kind: 'unavailable',
      });
      own.mode = 'answers';
      await expect(verify(token)).resolves.toMatchObject({ subject: 'alice' });
      // What is known goes on being used.
      own.mode = mode;
      await expect(verify(token)).resolves.toMatchObject({ subject: 'alice' });
      await own.close();
      await expect(verifierOf(own.url)(token)).rejects.toMatchObject({ code: 'IDENTITY_UNAVAILABLE' });
    },
  );
});
