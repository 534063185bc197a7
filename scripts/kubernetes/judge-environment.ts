import type { IContainer } from 'kubernetes-models/v1/Container';
import type { IPodSpec } from 'kubernetes-models/v1/PodSpec';
import type { IServiceSpec } from 'kubernetes-models/v1/ServiceSpec';
import { resolveEnvironment } from './environment.ts';
import type { Manifest } from './manifest.ts';
import { containersOf, findPods, ofKind } from './pods.ts';
import { imageEnvironment, programs } from './programs.ts';

/** Variables that Node and OpenTelemetry read by themselves. */
const standardVariables =
  /^(NODE_OPTIONS|NODE_EXTRA_CA_CERTS|OTEL_SERVICE_NAME|OTEL_RESOURCE_ATTRIBUTES|OTEL_EXPORTER_OTLP_(HEADERS|TIMEOUT|COMPRESSION|CERTIFICATE))$/;

/**
 * Is the environment of each container what its programs read: nothing they do not know, everything they require, values
 * they take, and addresses and files that are there?
 */
export function judgeEnvironment(manifests: readonly Manifest[]): string[] {
  return findPods(manifests).flatMap(({ title, spec }) =>
    spec
      ? containersOf(spec).flatMap((container) =>
          judgeContainer(container, spec, manifests).map(
            (complaint) => `${title}, ${container.name}: ${complaint}`,
          ),
        )
      : [],
  );
}

function judgeContainer(container: IContainer, spec: IPodSpec, manifests: readonly Manifest[]): string[] {
  const names = (container.command ?? []).flatMap((text) => text.match(/[\w./-]+\.ts\b/g) ?? []);
  const run = names.flatMap((name) => programs[name] ?? []);
  if (run.length < Math.max(names.length, 1))
    return [`runs something unknown: ${container.command?.join(' ')}`];

  const { values, parts, complaints } = resolveEnvironment(container, manifests);
  const known = new Set(run.flatMap(({ variables }) => variables));
  const unknown = Object.keys(values)
    .filter((name) => !known.has(name) && !parts.has(name) && !standardVariables.test(name))
    .map((name) => `nothing reads ${name}`);
  const wrong = run.flatMap(({ read }) => {
    try {
      read?.({ ...imageEnvironment(), ...values });
      return [];
    } catch (error) {
      return [(error as Error).message];
    }
  });
  const lost = Object.entries(values).flatMap(([name, value]) => [
    ...judgeHost(name, value, manifests),
    ...judgeCertificate(name, value, container, spec),
  ]);
  return [...complaints, ...unknown, ...wrong, ...lost];
}

/** A name without dots is one of this namespace. */
function judgeHost(variable: string, value: string, manifests: readonly Manifest[]): string[] {
  const url = /^\w+:\/\//.test(value) ? URL.parse(value) : null;
  if (url === null || url.hostname.includes('.')) return [];
  const served = servicePorts(manifests);
  const ports = served.get(url.hostname);
  if (ports === undefined) return [`${variable} leads to ${url.hostname}, which is no service`];
  return ports.includes(Number(url.port))
    ? []
    : [`${variable} leads to a port that ${url.hostname} does not have`];
}

/** Services of this namespace, also those that the operators make, with their ports. */
function servicePorts(manifests: readonly Manifest[]): Map<string, readonly number[]> {
  return new Map([
    ...ofKind(manifests, 'Service').map((service): [string, number[]] => [
      service.metadata.name,
      ((service.spec as IServiceSpec).ports ?? []).map(({ port }) => port),
    ]),
    ...ofKind(manifests, 'RabbitmqCluster').map(({ metadata }): [string, number[]] => [
      metadata.name,
      [5672, 15672],
    ]),
    ...ofKind(manifests, 'Cluster').map(({ metadata }): [string, number[]] => [
      `${metadata.name}-rw`,
      [5432],
    ]),
  ]);
}

/** The certificate that a URL names is mounted there. */
function judgeCertificate(variable: string, value: string, container: IContainer, spec: IPodSpec): string[] {
  const [, file] = /[?&]sslrootcert=([^&]+)/.exec(value) ?? [];
  if (file === undefined) return [];
  const mounted = (container.volumeMounts ?? []).flatMap(({ name, mountPath }) => {
    const volume = spec.volumes?.find((volume) => volume.name === name);
    const sources = [volume?.secret, ...(volume?.projected?.sources ?? []).map(({ secret }) => secret)];
    return sources.flatMap((source) => (source?.items ?? []).map(({ path }) => `${mountPath}/${path}`));
  });
  return mounted.includes(file) ? [] : [`${variable} names ${file}, where nothing is mounted`];
}
