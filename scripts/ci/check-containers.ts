/**
 * Holds the running containers of a project against what docker-compose.yml promises about all of them, and looks for
 * secrets where there must be none: `node check-containers.ts PROJECT CONFIG SECRETS`, where CONFIG is a file with what
 * `docker compose config` prints, and SECRETS one with the passwords, a JSON object. Exits with 1 when anything is wrong.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** The part of `docker inspect` that we look at. */
interface Container {
  readonly Id: string;
  readonly Name: string;
  readonly Mounts: readonly { readonly Type: string; readonly RW: boolean; readonly Destination: string }[];
  readonly NetworkSettings: {
    readonly Ports: Readonly<Record<string, readonly { readonly HostIp: string }[] | null>>;
  };
  readonly HostConfig: {
    readonly ReadonlyRootfs: boolean;
    readonly Privileged: boolean;
    readonly CapDrop: readonly string[] | null;
    readonly CapAdd: readonly string[] | null;
    readonly SecurityOpt: readonly string[] | null;
    readonly Memory: number;
    readonly PidsLimit: number | null;
    readonly LogConfig: { readonly Config: Readonly<Record<string, string>> };
  };
}

/** What is wrong with the settings of a container; nothing, if all is well. */
function judgeSettings({
  HostConfig: settings,
  Mounts: mounts,
  NetworkSettings: network,
}: Container): string[] {
  const expectations: Record<string, boolean> = {
    'its file system is read-only': settings.ReadonlyRootfs,
    'it has no capability':
      settings.CapDrop?.includes('ALL') === true && !settings.CapAdd?.length && !settings.Privileged,
    'it cannot gain privileges': settings.SecurityOpt?.includes('no-new-privileges:true') === true,
    'its memory is limited': settings.Memory > 0,
    'its processes are limited': (settings.PidsLimit ?? 0) > 0,
    'its log is rotated': settings.LogConfig.Config['max-size'] !== undefined,
    'it changes nothing outside of volumes': mounts.every(({ Type, RW }) => Type === 'volume' || !RW),
    'it cannot change its secrets': mounts.every(
      ({ Destination, RW }) => Destination !== '/run/secrets' || !RW,
    ),
    'it is reached from this machine only': Object.values(network.Ports)
      .flatMap((bindings) => bindings ?? [])
      .every(({ HostIp }) => HostIp === '127.0.0.1'),
  };
  return Object.entries(expectations).flatMap(([name, isMet]) => (isMet ? [] : [`not so: ${name}`]));
}

/** What is wrong with a container that can be seen from its processes and its file system. */
async function judgeBehaviour({ Id: id }: Container): Promise<string[]> {
  const [, ...users] = (await docker('top', id, '-eo', 'uid,pid')).trim().split('\n');
  const asRoot = users.filter((line) => line.trim().startsWith('0 '));
  // Root of the container may write wherever the file system lets anybody.
  const said = await docker('exec', '--user', '0', id, 'touch', '/written').catch((error) =>
    String(error.stderr),
  );
  return [
    ...(users.length === 0 ? ['no process was found'] : []),
    ...(asRoot.length > 0 ? [`${asRoot.length} processes run as root`] : []),
    // An image may have no such program; one that writes is what must not happen.
    ...(/read-only file system|executable file not found/i.test(said)
      ? []
      : [`touch /written: ${said || 'done'}`]),
  ];
}

async function docker(...args: string[]): Promise<string> {
  return (await promisify(execFile)('docker', args, { maxBuffer: 64 * 1024 * 1024 })).stdout;
}

const [, , project, configFile, secretsFile] = process.argv;
if (project === undefined || configFile === undefined || secretsFile === undefined) {
  throw new Error('usage: node check-containers.ts PROJECT CONFIG SECRETS');
}
const [config, secretsText] = await Promise.all([
  readFile(configFile, 'utf8'),
  readFile(secretsFile, 'utf8'),
]);
const secrets = Object.entries(JSON.parse(secretsText) as Record<string, string>);
// Those that have ended, too: what an engine knows of a container, it tells.
const ids = (
  await docker('ps', '--all', '--quiet', '--filter', `label=com.docker.compose.project=${project}`)
)
  .trim()
  .split('\n');
const texts = await Promise.all(ids.map((id) => docker('inspect', id)));
const containers = texts.map((text) => (JSON.parse(text) as [Container])[0]);
const running = new Set((await docker('ps', '--quiet', '--no-trunc')).trim().split('\n'));

const complaints: string[] = [];
for (const container of containers) {
  const found = judgeSettings(container);
  if (running.has(container.Id)) found.push(...(await judgeBehaviour(container)));
  complaints.push(...found.map((complaint) => `${container.Name.slice(1)}: ${complaint}`));
}
for (const [account, secret] of secrets) {
  if (config.includes(secret)) complaints.push(`docker compose config shows the password of ${account}`);
  if (texts.some((text) => text.includes(secret))) complaints.push(`docker inspect shows that of ${account}`);
}
if (secrets.length === 0 || config === '')
  complaints.push('there was nothing to look for, or nowhere to look');
for (const complaint of complaints) console.error(complaint);
if (complaints.length > 0) process.exit(1);
console.log(
  `${containers.length} containers are without root, capabilities and writable file systems, and show none of ${secrets.length} secrets`,
);
