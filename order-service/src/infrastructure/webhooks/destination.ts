import { isIP } from 'node:net';
import { AppError } from '#shared/kernel/errors.ts';
import { isPublic, isWithin, type Network } from './networks.ts';

/** The addresses that a name has. @throws Error when it has none, or nobody can say. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

/** Where a request may go: an address that was looked at, and nothing that is asked for again later. */
export interface Destination {
  readonly url: URL;
  readonly addresses: readonly string[];
}

const longestUrl = 2_048;

/**
 * Finds out where a URL leads and whether a request may go there: over https to addresses that are public, every one of
 * them, or to networks that were allowed, where plain http may do. Names are looked up here, once.
 *
 * @throws AppError `WEBHOOK_URL_REFUSED`, which tells no address: it would be an answer about our own network.
 */
export async function findDestination(
  text: string,
  options: { resolve: Resolve; allowed: readonly Network[] },
): Promise<Destination> {
  const { resolve, allowed } = options;
  const url = readUrl(text);
  const addresses = await addressesOf(url, resolve);
  const isAllowed = (address: string) => isWithin(address, allowed);
  if (addresses.length === 0 || !addresses.every((address) => isAllowed(address) || isPublic(address))) {
    throw refused('the host does not have a public address');
  }
  if (url.protocol === 'http:' && !addresses.every(isAllowed))
    throw refused('it has to be an https:// address');
  return { url, addresses };
}

/** Reads it as browsers do, for whom `0x7f.1` and `2130706433` are 127.0.0.1. */
function readUrl(text: string): URL {
  if (text.length > longestUrl) throw refused(`it has more than ${longestUrl} characters`);
  const url = URL.parse(text);
  if (url === null) throw refused('it is no URL');
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw refused('it has to be an https:// address');
  if (url.username !== '' || url.password !== '')
    throw refused('it must not contain a user name or password');
  url.hash = '';
  if (url.href.length > longestUrl) throw refused(`it has more than ${longestUrl} characters`);
  return url;
}

async function addressesOf({ hostname }: URL, resolve: Resolve): Promise<readonly string[]> {
  const literal = hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIP(literal) !== 0) return [literal];
  try {
    return await resolve(hostname.replace(/\.$/, ''));
  } catch (error) {
    throw refused('the name of the host cannot be resolved', error);
  }
}

function refused(reason: string, cause?: unknown): AppError {
  return new AppError({
    code: 'WEBHOOK_URL_REFUSED',
    kind: 'rejected',
    message: `url: ${reason}`,
    cause,
    data: { errors: [{ field: 'url', message: reason }] },
  });
}
