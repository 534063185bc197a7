/**
 * Makes up the secrets of the overlay dev and prints them: `node scripts/kubernetes/dev-secrets.ts | kubectl create -f -`.
 * To have others, delete these first, and run the set-up again.
 */
import { randomBytes } from 'node:crypto';
import { brokerUserNames } from '#shared/contracts/broker-users.ts';

/** New values by secret and key. */
export function makeUpSecrets(): Record<string, Record<string, string>> {
  return {
    'order-service': { 'webhook-signing-key': randomBytes(32).toString('base64') },
    'order-db-service': { username: 'order_service', password: makeUpPassword() },
    'processor-db-service': { username: 'processor_service', password: makeUpPassword() },
    'broker-users': Object.fromEntries(brokerUserNames.map((user) => [user, makeUpPassword()])),
  };
}

/** Fit for a URL. */
function makeUpPassword(): string {
  return randomBytes(24).toString('base64url');
}

if (import.meta.main) {
  const items = Object.entries(makeUpSecrets()).map(([name, stringData]) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'order-processor' },
    type: 'username' in stringData ? 'kubernetes.io/basic-auth' : 'Opaque',
    stringData,
  }));
  console.log(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }, null, 2));
}
