/** `npm run token -- --sub alice --scope 'orders:read orders:write'`: prints a token of the local issuer. */
import { parseArgs } from 'node:util';
import { localFolder } from '#scripts/local-stack/local-folder.ts';
import { scopes } from '#shared/auth/caller.ts';
import { issueToken } from './issuer.ts';

const usage = "usage: npm run -s token -- --sub NAME --scope 'orders:read orders:write' [--expires 12h]";

try {
  const { values } = parseArgs({
    options: { sub: { type: 'string' }, scope: { type: 'string' }, expires: { type: 'string' } },
  });
  const { sub: subject, scope, expires: lifetime } = values;
  if (!subject || scope === undefined) throw new Error(usage);
  const unknown = scope.split(' ').filter((each) => each !== '' && !isScope(each));
  if (unknown.length > 0)
    throw new Error(`no such scope: ${unknown.join(' ')}; there are ${scopes.join(', ')}`);
  console.log(await issueToken(localFolder(process.env), { subject, scope, lifetime }));
} catch (error) {
  const isKeyMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
  console.error(
    isKeyMissing ? 'there is no local issuer: run `npm start -- --auth` first' : (error as Error).message,
  );
  process.exitCode = 1;
}

function isScope(text: string): boolean {
  return (scopes as readonly string[]).includes(text);
}
