import { expect, test } from '@jest/globals';
import { findAddresses, findMissing } from './lock-file.ts';

test('a package with an address to download from is found, and no other', () => {
  const packages = {
    '': { version: '1.0.0' },
    'node_modules/plain': { version: '1.0.0', integrity: 'sha512-x' },
    'node_modules/addressed': { version: '1.0.0', resolved: 'https://registry.example/addressed.tgz' },
  };
  expect(findAddresses(JSON.stringify({ packages }))).toEqual(['node_modules/addressed']);
});

test('an optional dependency without an entry is found, wherever the others have theirs', () => {
  const packages = {
    '': { optionalDependencies: { here: '1.0.0', nowhere: '1.0.0' } },
    'node_modules/here': {},
    'node_modules/a': { optionalDependencies: { here: '1.0.0', beside: '1.0.0' } },
    'node_modules/a/node_modules/beside': {},
    'node_modules/a/node_modules/b': {
      optionalDependencies: { beside: '1.0.0', here: '1.0.0', gone: '1.0.0' },
    },
  };
  expect(findMissing(JSON.stringify({ packages }))).toEqual([
    'package.json → nowhere',
    'node_modules/a/node_modules/b → gone',
  ]);
});
