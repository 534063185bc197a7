import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { commonRules, parseEnvironment } from './environment.ts';

const settings = z.object({ HOST: z.string().default('127.0.0.1'), PORT: z.coerce.number(), URL: z.url() });

test('everything that is wrong is said at once, each thing once', () => {
  const env = { HOST: '0.0.0.0', NODE_ENV: 'production', AUTH_MODE: 'off', PORT: '', URL: 'nowhere' };
  expect(() => parseEnvironment(settings, env, commonRules)).toThrow(
    new RegExp(
      [
        '^the environment is not complete:',
        '  PORT: .*',
        '  URL: Invalid URL',
        '  AUTH_MODE: may not be off where NODE_ENV is production',
        '  AUTH_MODE: may be off only where HOST is a loopback address; it is 0.0.0.0$',
      ].join('\\n'),
    ),
  );
  expect(() =>
    parseEnvironment(z.object({ FAILPOINTS: z.literal('') }), { FAILPOINTS: 'x' }, commonRules),
  ).toThrow(/FAILPOINTS/);
});

test('what is right is read, with an empty variable as absent', () => {
  const env = { HOST: '', PORT: '80', URL: 'https://example.com', AUTH_MODE: 'off', NODE_ENV: 'test' };
  const config = parseEnvironment(settings, env, commonRules);
  expect(config).toEqual({ HOST: '127.0.0.1', PORT: 80, URL: 'https://example.com' });
  expect(Object.isFrozen(config)).toBe(true);
});
