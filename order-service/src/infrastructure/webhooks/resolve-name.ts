import { Resolver } from 'node:dns/promises';
import type { Resolve } from './destination.ts';

/**
 * Asks the name servers for IPv4 and IPv6 addresses, with a limit on the time that this takes and without the four
 * threads on which Node does everything that blocks: names that do not answer must not hold anybody up. The file of host
 * names is not read; `localhost` is this machine (RFC 6761).
 */
export function createResolve(options: { timeoutMs: number }): Resolve {
  return async (hostname) => {
    if (hostname === 'localhost' || hostname.endsWith('.localhost')) return ['127.0.0.1', '::1'];
    const resolver = new Resolver({ timeout: options.timeoutMs / 2, tries: 2 });
    const found = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
    const addresses = found.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    if (addresses.length === 0) throw new Error(`no address for ${hostname}`);
    return addresses;
  };
}
