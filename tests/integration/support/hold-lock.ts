import { locksOf } from './dead-letters.ts';

/** A process that takes the lock `a` of the database it is given and keeps it. */
const [databaseUrl = ''] = process.argv.slice(2);
const release = await locksOf(databaseUrl).acquire('a', { waitMs: 1_000 });
process.stdout.write(release ? 'mine\n' : 'not mine\n');
