import { randomUUID } from 'node:crypto';
import type { TestBroker } from '../../support/broker.ts';
import { testInfrastructure } from '../../support/infrastructure.ts';

/** Calls the broker's management API as an administrator and gives what it answers. */
export async function manage(
  method: 'GET' | 'PUT' | 'POST' | 'DELETE',
  path: string,
  body?: unknown,
): Promise<unknown> {
  const { managementUrl, username, password } = testInfrastructure();
  const response = await fetch(new URL(path, managementUrl), {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

/** An account of its own on a test's broker, so that an operator can close its connections and nobody else's. */
export interface BrokerAccount {
  readonly url: string;
  /** The broker says goodbye to every connection of the account. */
  closeConnections(): Promise<void>;
  remove(): Promise<void>;
}

export async function createBrokerAccount(broker: TestBroker): Promise<BrokerAccount> {
  const username = `test-${randomUUID()}`;
  const password = randomUUID();
  await manage('PUT', `/api/users/${username}`, { password, tags: '' });
  await manage('PUT', `/api/permissions/${broker.virtualHost}/${username}`, {
    configure: '',
    write: '.*',
    read: '.*',
  });
  return {
    url: Object.assign(new URL(broker.url), { username, password }).href,
    async closeConnections() {
      await manage('DELETE', `/api/connections/username/${username}`);
    },
    async remove() {
      await manage('DELETE', `/api/users/${username}`);
    },
  };
}
