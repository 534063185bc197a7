/** `npm run reset`: wipes all local data, that is the databases, the broker and the payment ledger in `.local`. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './local-stack/services.ts';
import { StackError } from './local-stack/stack-error.ts';
import { takeOver } from './local-stack/take-over.ts';

const dir = join(repositoryRoot, '.local');

try {
  if (existsSync(dir)) {
    await takeOver(dir, (message) => console.log(message));
    rmSync(dir, { recursive: true, force: true });
  }
  console.log('All local data is gone; the next npm start begins afresh.');
} catch (error) {
  console.error(error instanceof StackError ? error.message : error);
  process.exitCode = 1;
}
