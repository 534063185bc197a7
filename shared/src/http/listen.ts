import type { AddressInfo } from 'node:net';
import type { HttpServer } from './http-server.ts';

/**
 * Takes requests from now on; the base URL under which it does.
 *
 * @param address.port 0 for any that is free
 */
export async function listen(app: HttpServer, address: { host: string; port: number }): Promise<string> {
  await app.listen(address);
  const { port } = app.server.address() as AddressInfo;
  return `http://${address.host}:${port}`;
}
