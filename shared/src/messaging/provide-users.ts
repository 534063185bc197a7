import { createHash, randomBytes } from 'node:crypto';
import type { BrokerUser } from '../contracts/broker-users.ts';
import { retry } from '../kernel/retry.ts';

export type BrokerPasswords = Readonly<Record<BrokerUser['name'], string>>;

/**
 * The broker looks whether a user is there before it creates one: of two imports at the same time, one may be refused
 * because the other was faster. Done again, it finds the user.
 */
const untilTheyAreThere = {
  attempts: 10,
  backoff: { initialMs: 20, maximumMs: 500 },
  isPassing: (error: unknown) => error instanceof Error && error.message.includes('user_already_exists'),
};

/**
 * Gives the broker `users` with their rights on one virtual host, which must be there, and takes away `guest`, whom
 * everybody knows. What is there already is brought in line, passwords included. Several may do so at the same time. For
 * an administrator of the broker.
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
  const importUsers = () => request(options.adminUrl, 'POST', 'api/definitions', defineUsers(options));
  await retry(importUsers, untilTheyAreThere);
  await request(options.adminUrl, 'DELETE', 'api/users/guest');
}

/** `users` with their rights on one virtual host, in the format of the management plugin's definitions import. */
export function defineUsers({
  users,
  passwords,
  virtualHost: vhost,
}: {
  users: readonly BrokerUser[];
  passwords: BrokerPasswords;
  virtualHost: string;
}) {
  return {
    users: users.map(({ name, tags }) => defineUser(name, tags, passwords[name])),
    permissions: users.map(({ name: user, permissions }) => ({ user, vhost, ...permissions })),
    topic_permissions: users.flatMap(({ name: user, topics }) =>
      topics.map((topic) => ({ user, vhost, ...topic })),
    ),
  };
}

/** With the password as RabbitMQ keeps it: https://www.rabbitmq.com/docs/passwords#computing-password-hash */
export function defineUser(name: string, tags: string, password: string) {
  const salt = randomBytes(4);
  const hash = createHash('sha256').update(salt).update(password).digest();
  return {
    name,
    tags,
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
