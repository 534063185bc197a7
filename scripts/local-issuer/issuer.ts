/**
 * A token issuer for one machine: a key pair in a folder, its public half on HTTP. It hands out no tokens over the
 * network: whoever may read the private key makes them, with `npm run token`.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';
import { writeFileAtomically } from '#scripts/local-stack/atomic-write.ts';

const localIssuer = 'order-processor-local-issuer';
const localAudience = 'order-processor';
export const defaultIssuerPort = 3003;

const algorithm = 'ES256';

export interface TokenRequest {
  readonly subject: string;
  /** Separated by spaces. */
  readonly scope: string;
  /** As jose reads it: `8h`, `15m`, `-1m`. */
  readonly lifetime?: string | undefined;
}

/** Signs a token with the key of the folder. @throws where there is no key yet. */
export async function issueToken(dir: string, { subject, scope, lifetime = '12h' }: TokenRequest) {
  const key = JSON.parse(await readFile(keyFile(dir), 'utf8')) as JWK;
  return new SignJWT({ scope })
    .setProtectedHeader({ alg: algorithm, typ: 'at+jwt', kid: String(key.kid) })
    .setIssuer(localIssuer)
    .setAudience(localAudience)
    .setSubject(subject)
    .setJti(randomUUID())
    .setIssuedAt()
    .setExpirationTime(lifetime)
    .sign(await importJWK(key, algorithm));
}

/** Publishes the public key of the folder, which is made where there is none, and says how services find it. */
export async function startLocalIssuer(options: { dir: string; host: string; port: number }) {
  const { d: _secret, ...publicKey } = await loadKey(options.dir);
  const document = JSON.stringify({ keys: [publicKey] });
  const server = createServer((request, response) => {
    const found = request.method === 'GET' && request.url === '/.well-known/jwks.json';
    response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' });
    response.end(found ? document : '{}');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port, options.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    /** What the services are told to believe its tokens. */
    settings: {
      AUTH_MODE: 'jwt',
      AUTH_ISSUER: localIssuer,
      AUTH_AUDIENCE: localAudience,
      AUTH_JWKS_URL: `http://127.0.0.1:${port}/.well-known/jwks.json`,
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function loadKey(dir: string): Promise<JWK> {
  try {
    return JSON.parse(await readFile(keyFile(dir), 'utf8')) as JWK;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const key = { ...(await exportJWK(privateKey)), kid: randomUUID(), alg: algorithm, use: 'sig' };
  await mkdir(join(dir, 'issuer'), { recursive: true, mode: 0o700 });
  writeFileAtomically(keyFile(dir), JSON.stringify(key));
  return key;
}

function keyFile(dir: string): string {
  return join(dir, 'issuer', 'key.json');
}
