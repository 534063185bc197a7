/** How to reach a broker's management API. */
export interface ManagementAccess {
  readonly managementUrl: string;
  readonly username: string;
  readonly password: string;
}

/** Whether the management API answers and accepts the login. */
export async function isManagementReady(access: ManagementAccess): Promise<boolean> {
  try {
    return (await request(access, 'GET', '/api/overview')).ok;
  } catch {
    return false;
  }
}

/** Every queue of the broker, in all virtual hosts. */
export async function listQueues(access: ManagementAccess): Promise<{ vhost: string; name: string }[]> {
  const response = await request(access, 'GET', '/api/queues?columns=vhost,name');
  if (!response.ok) throw new Error(`the management API answered ${response.status} to a list of queues`);
  return (await response.json()) as { vhost: string; name: string }[];
}

/**
 * Creates a virtual host on which the given user may do everything: a broker of its own for a test, within seconds
 * and without another node.
 */
export async function createVirtualHost(access: ManagementAccess & { readonly name: string }): Promise<void> {
  const host = encodeURIComponent(access.name);
  const user = encodeURIComponent(access.username);
  await change(access, 'PUT', `/api/vhosts/${host}`);
  await change(access, 'PUT', `/api/permissions/${host}/${user}`, {
    configure: '.*',
    write: '.*',
    read: '.*',
  });
}

/** Removes a virtual host with everything in it, and closes its connections. Removing one that is gone is fine. */
export async function deleteVirtualHost(access: ManagementAccess & { readonly name: string }): Promise<void> {
  await change(access, 'DELETE', `/api/vhosts/${encodeURIComponent(access.name)}`);
}

async function change(
  access: ManagementAccess,
  method: 'PUT' | 'DELETE',
  path: string,
  body?: unknown,
): Promise<void> {
  const response = await request(access, method, path, body);
  const gone = method === 'DELETE' && response.status === 404;
  if (!response.ok && !gone) {
    throw new Error(
      `${method} ${path} on the management API answered ${response.status}: ${await response.text()}`,
    );
  }
}

function request(
  access: ManagementAccess,
  method: string,
  path: string,
  body: unknown = {},
): Promise<Response> {
  const credentials = Buffer.from(`${access.username}:${access.password}`).toString('base64');
  return fetch(new URL(path, access.managementUrl), {
    method,
    headers: { authorization: `Basic ${credentials}`, 'content-type': 'application/json' },
    ...(method === 'GET' ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(10_000),
  });
}
