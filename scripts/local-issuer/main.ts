/** The local issuer as a process of its own, as docker compose runs it. */
import { once } from 'node:events';
import { localFolder } from '#scripts/local-stack/local-folder.ts';
import { defaultIssuerPort, startLocalIssuer } from './issuer.ts';

const host = process.env.HOST ?? '127.0.0.1';
const issuer = await startLocalIssuer({ dir: localFolder(process.env), host, port: defaultIssuerPort });
console.log(`the local issuer publishes its key on port ${defaultIssuerPort}`);
await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
await issuer.stop();
