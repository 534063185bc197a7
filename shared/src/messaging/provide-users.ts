import { createHash, randomBytes } from 'node:crypto';
import type { BrokerUser } from '../contracts/broker-users.ts';

export type BrokerPasswords = Readonly<Record<BrokerUser['name'], string>>;

/**
 * Gives the broker `users` with their rights on one virtual host, which must be there, and takes away `guest`, whom
 * everybody knows. What is there already is brought in line, passwords included. For an administrator of the broker.
 *
 * @param options.adminUrl of the management API, with the administrator's name and password
 * @throws Error with what the management API answers.
 */
export async function provideUsers(options: {
  adminUrl: string;
  users: readonly BrokerUser[];
  passwords: BrokerPasswords;
  virtualHost: string;
}): Promise<void> {
  const { adminUrl, users, passwords, virtualHost: vhost } = options;
  await request(adminUrl, 'POST', 'api/definitions', {
    users: users.map(({ name, tags }) => ({ name, tags, ...hashed(passwords[name]) })),
    permissions: users.map(({ name: user, permissions }) => ({ user, vhost, ...permissions })),
    topic_permissions: users.flatMap(({ name: user, topics }) =>
      topics.map((topic) => ({ user, vhost, ...topic })),
    ),
  });
  await request(adminUrl, 'DELETE', 'api/users/guest');
}

/** As RabbitMQ keeps it: https://www.rabbitmq.com/docs/passwords#computing-password-hash */
function hashed(password: string): { password_hash: string; hashing_algorithm: string } {
  const salt = randomBytes(4);
  const hash = createHash('sha256').update(salt).update(password).digest();
  return {
    password_hash: Buffer.concat([salt, hash]).toString('base64'),
    hashing_algorithm: 'rabbit_password_hashing_sha256',
  };
}

async function request(adminUrl: string, method: string, path: string, body?: unknown): Promise<void> {
  const { origin, username, password } = new URL(adminUrl);
  const credentials = [username, password].map(decodeURIComponent).join(':');
  const response = await fetch(new URL(path, origin), {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(credentials).toString('base64')}`,
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(10_000),
  });
  const answer = await response.text();
  const isGone = method === 'DELETE' && response.status === 404;
  if (!response.ok && !isGone) throw new Error(`${method} ${path} answered ${response.status}: ${answer}`);
}
