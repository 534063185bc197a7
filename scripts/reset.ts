/**
 * `npm run reset`: wipes what `npm start` keeps in `.local`: the databases, the broker, the payment ledger, the key of the
 * issuer, the logs. It takes no options, and wipes nothing when it is given any.
 */
import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { localFolder } from './local-stack/local-folder.ts';
import { StackError } from './local-stack/stack-error.ts';
import { takeOver } from './local-stack/take-over.ts';

const dir = localFolder(process.env);
/** Other tools have folders of their own in there, and may be using them. */
const ours = /^(postgres|rabbitmq|sandbox|issuer|log|secrets\.json|processes\.json|stack\.json)(\..+)?$/;

try {
  refuseOptions();
  if (existsSync(dir)) {
    await takeOver(dir, (message) => console.log(message));
    for (const entry of readdirSync(dir)) {
      if (ours.test(entry)) rmSync(join(dir, entry), { recursive: true, force: true });
    }
    if (readdirSync(dir).length === 0) rmdirSync(dir);
  }
  console.log('All local data is gone; the next npm start begins afresh.');
} catch (error) {
  console.error(error instanceof StackError ? error.message : error);
  process.exitCode = 1;
}

/** @throws StackError about anything on the command line: `--help` asks for something else than to lose everything. */
function refuseOptions(): void {
  try {
    parseArgs({ options: {} });
  } catch (error) {
    throw new StackError(`${(error as Error).message}\nusage: npm run reset, which wipes ${dir}`);
  }
}
