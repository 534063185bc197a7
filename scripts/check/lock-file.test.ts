import { expect, test } from '@jest/globals';
import { findAddresses } from './lock-file.ts';

test('a package with an address to download from is found, and no other', () => {
  const packages = {
    '': { version: '1.0.0' },
    'node_modules/plain': { version: '1.0.0', integrity: 'sha512-x' },
    'node_modules/addressed': { version: '1.0.0', resolved: 'https://registry.example/addressed.tgz' },
  };
  expect(findAddresses(JSON.stringify({ packages }))).toEqual(['node_modules/addressed']);
});
