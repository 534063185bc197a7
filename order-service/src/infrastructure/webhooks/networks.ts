import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
/** Every address that begins like this one, up to so many bits. */
export type Network = readonly [Address, number];

/**
 * Reads networks such as `10.1.0.0/16` or `fd00::/8`, separated by commas.
 *
 * @throws Error naming the one that is none.
 */
export function parseNetworks(text: string): readonly Network[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      if (!ipaddr.IPv4.isValidCIDRFourPartDecimal(part) && !ipaddr.IPv6.isValidCIDR(part)) {
        throw new Error(`"${part}" is no network: write it like 10.1.0.0/16 or fd00::/8`);
      }
      return ipaddr.parseCIDR(part);
    });
}

/** What IANA has given out to be reached from everywhere. */
const globalIpv6 = parseNetworks('2000::/3')[0] as Network;
/** Parts of that which are not, or which stand for other addresses; the library does not know all of them. */
const specialIpv6 = parseNetworks('2001::/23, 2001:db8::/32, 2002::/16, 2620:4f:8000::/48, 3fff::/20');

/**
 * Whether an address belongs to exactly one host anywhere on the Internet (IANA's registries of special-purpose
 * addresses, RFC 6890). Addresses that carry an IPv4 address inside (mapped, NAT64, 6to4, Teredo) do not, wherever that
 * one leads: the same request could be made with it directly.
 */
export function isPublic(text: string): boolean {
  const address = parse(text);
  if (address === undefined || address.range() !== 'unicast') return false;
  if (address.kind() === 'ipv4') return true;
  return isIn(address, globalIpv6) && !specialIpv6.some((network) => isIn(address, network));
}

/** Whether an address lies in one of the networks. */
export function isWithin(text: string, networks: readonly Network[]): boolean {
  const address = parse(text);
  return address !== undefined && networks.some((network) => isIn(address, network));
}

function isIn(address: Address, [base, bits]: Network): boolean {
  return address.kind() === base.kind() && address.match(base, bits);
}

/** `undefined` also for the zone of an interface (`fe80::1%eth0`) and for anything but the four numbers of IPv4. */
function parse(text: string): Address | undefined {
  if (text.includes('%')) return undefined;
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  return ipaddr.IPv6.isValid(text) ? ipaddr.IPv6.parse(text) : undefined;
}
