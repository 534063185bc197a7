import { describe, expect, test } from '@jest/globals';
import { findDestination, type Resolve } from './destination.ts';
import { isPublic, parseNetworks } from './networks.ts';

const names: Readonly<Record<string, readonly string[]>> = {
  'public.example': ['93.184.216.34', '2606:2800:220:1:248:1893:25c8:1946'],
  'private.example': ['10.0.0.1'],
  'half.example': ['93.184.216.34', '127.0.0.1'],
  'mapped.example': ['::ffff:127.0.0.1'],
  'empty.example': [],
};
const resolve: Resolve = async (name) => {
  const addresses = names[name];
  if (addresses === undefined) throw new Error(`ENOTFOUND ${name}`);
  return addresses;
};
const find = (url: string, allowed = '') =>
  findDestination(url, { resolve, allowed: parseNetworks(allowed) }).then(({ url: { href } }) => href);

/** Everything behind which there may be something that is not ours to reach, in the ways people have written it. */
const refused = [
  'https://127.0.0.1/',
  'https://127.1/',
  'https://127.0.0.1.',
  'https://2130706433/',
  'https://017700000001/',
  'https://0x7f000001/',
  'https://0x7f.0.0.1/',
  'https://0177.0.0.01/',
  'https://127.0.0.0x1/',
  'https://１２７.０.０.１/',
  'https://127。0。0。1/',
  'https://%31%32%37.0.0.1/',
  'https://127.255.255.254:8443/',
  'https://0/',
  'https://0.0.0.0/',
  'https://10.0.0.1/',
  'https://172.16.0.1/',
  'https://172.31.255.255/',
  'https://192.168.1.1/',
  'https://0xc0a80101/',
  'https://3232235777/',
  'https://169.254.169.254/latest/meta-data/',
  'https://0xa9fea9fe/',
  'https://100.64.0.1/',
  'https://100.127.255.255/',
  'https://192.0.0.1/',
  'https://192.0.2.1/',
  'https://192.88.99.1/',
  'https://198.18.0.1/',
  'https://198.51.100.1/',
  'https://203.0.113.1/',
  'https://224.0.0.1/',
  'https://239.255.255.255/',
  'https://240.0.0.1/',
  'https://255.255.255.255/',
  'https://[::]/',
  'https://[::1]/',
  'https://[0:0:0:0:0:0:0:1]/',
  'https://[::127.0.0.1]/',
  'https://[::ffff:127.0.0.1]/',
  'https://[::ffff:7f00:1]/',
  'https://[::ffff:93.184.216.34]/',
  'https://[::ffff:0:127.0.0.1]/',
  'https://[64:ff9b::7f00:1]/',
  'https://[64:ff9b:1::a00:1]/',
  'https://[100::1]/',
  'https://[2001::7f00:1]/',
  'https://[2001:10::1]/',
  'https://[2001:20::1]/',
  'https://[2001:db8::1]/',
  'https://[2002:7f00:1::]/',
  'https://[3fff::1]/',
  'https://[4000::1]/',
  'https://[5f00::1]/',
  'https://[fc00::1]/',
  'https://[fd00:ec2::254]/',
  'https://[fe80::1]/',
  'https://[fe80::1%25eth0]/',
  'https://[fec0::1]/',
  'https://[ff02::1]/',
  'https://localhost/',
  'https://private.example/',
  'https://PRIVATE.EXAMPLE./',
  'https://half.example/',
  'https://mapped.example/',
  'https://empty.example/',
  'https://unknown.example/',
  'https://public.example@127.0.0.1/',
  'https://public.example%40127.0.0.1/',
  'https://user@public.example/',
  'https://user:password@public.example/',
  'https://:password@public.example/',
  'https://127.0.0.1#@public.example/',
  'https://127.0.0.1\\public.example/',
  'https:127.0.0.1',
  'http://public.example/',
  'ftp://public.example/',
  'file:///etc/passwd',
  'gopher://public.example/',
  'data:text/plain,public.example',
  'javascript:alert(1)',
  'public.example',
  '//public.example/',
  '',
  'https://',
  `https://public.example/${'a'.repeat(2_048)}`,
];

describe('a webhook', () => {
  test.each(refused)('may not lead to %j', async (url) => {
    await expect(find(url)).rejects.toMatchObject({ code: 'WEBHOOK_URL_REFUSED', kind: 'rejected' });
  });

  test.each([
    ['https://public.example/hook?a=b#c', 'https://public.example/hook?a=b'],
    ['https://PUBLIC.example.:8443/', 'https://public.example.:8443/'],
    ['https://public.example\\@127.0.0.1/', 'https://public.example/@127.0.0.1/'],
    ['https://93.184.216.34/', 'https://93.184.216.34/'],
    ['https://1572395042/', 'https://93.184.216.34/'],
    ['https://172.32.0.1/', 'https://172.32.0.1/'],
    ['https://100.128.0.1/', 'https://100.128.0.1/'],
    ['https://[2606:2800:220:1::1]/', 'https://[2606:2800:220:1::1]/'],
  ])('may lead to %s', async (url, kept) => {
    expect(await find(url)).toBe(kept);
  });

  test('may lead into networks that were allowed, also without TLS, and only there', async () => {
    const allowed = '10.0.0.0/8, 127.0.0.0/8,::1/128';
    expect(await find('http://10.1.2.3:8080/', allowed)).toBe('http://10.1.2.3:8080/');
    expect(await find('http://private.example/', allowed)).toBe('http://private.example/');
    expect(await find('http://[::1]/', allowed)).toBe('http://[::1]/');
    expect(await find('https://half.example/', allowed)).toBe('https://half.example/');
    for (const url of ['http://half.example/', 'http://public.example/', 'http://192.168.0.1/']) {
      await expect(find(url, allowed)).rejects.toMatchObject({ code: 'WEBHOOK_URL_REFUSED' });
    }
    await expect(find('https://[::ffff:10.0.0.1]/', allowed)).rejects.toMatchObject({
      code: 'WEBHOOK_URL_REFUSED',
    });
  });

  test('learns nothing about our network from a refusal', async () => {
    const messageOf = (url: string) =>
      find(url).then(
        () => '',
        (error: Error) => error.message,
      );
    expect(await messageOf('https://private.example/')).toBe(await messageOf('https://10.9.9.9/'));
    expect(await messageOf('https://private.example/')).not.toContain('10.');
  });
});

test.each(['10.0.0.0', '10.0.0.0/33', 'fd00::/129', 'example.com/8', '10/8', '/8'])(
  'a network is not written %j',
  (text) => {
    expect(() => parseNetworks(text)).toThrow(/is no network/);
  },
);

test.each(['', 'localhost', '127.1', '1', '0x7f000001', 'fe80::1%lo', '1.2.3.4/8', '1.2.3.4.5'])(
  '%j is no address that a name server may answer with',
  (text) => {
    expect(isPublic(text)).toBe(false);
  },
);
