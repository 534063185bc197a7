import type { INetworkPolicySpec } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicySpec';
import type { IServicePort } from 'kubernetes-models/v1/ServicePort';
import type { IServiceSpec } from 'kubernetes-models/v1/ServiceSpec';
import { resolveEnvironment } from './environment.ts';
import { type Manifest, titleOf } from './manifest.ts';
import { containersOf, findPods, matches, ofKind, type Pods } from './pods.ts';

interface Route {
  readonly from: Pods;
  readonly variable: string;
  readonly to: Pods;
  /** Of the pod, by number and, where it has one, by name. */
  readonly port: readonly (number | string)[];
}

type Rule = NonNullable<INetworkPolicySpec['egress']>[number] &
  NonNullable<INetworkPolicySpec['ingress']>[number];

/** Do the network policies, on both sides, let through what the settings of our pods lead to in this namespace? */
export function judgeTraffic(manifests: readonly Manifest[]): string[] {
  const policies = ofKind(manifests, 'NetworkPolicy').map(({ spec }) => spec as INetworkPolicySpec);
  const rulesFor = (pods: Pods, direction: 'egress' | 'ingress') =>
    policies
      .filter(({ podSelector = {} }) => matches(podSelector, pods.labels))
      .flatMap((policy): Rule[] => policy[direction] ?? []);
  return findRoutes(manifests).flatMap(({ from, variable, to, port }) => {
    const complaint = `${from.title}: ${variable} leads to ${to.title}, port ${port.join(' or ')}`;
    const leaves = rulesFor(from, 'egress').some(({ to: peers, ports }) => allows(peers, ports, to, port));
    const enters = rulesFor(to, 'ingress').some(({ from: peers, ports }) => allows(peers, ports, from, port));
    return [
      ...(leaves ? [] : [`${complaint}, and no policy lets it out`]),
      ...(enters ? [] : [`${complaint}, and no policy lets it in`]),
    ];
  });
}

/** What a rule does not restrict, it allows. */
function allows(
  peers: Rule['to'],
  ports: Rule['ports'],
  other: Pods,
  port: readonly (number | string)[],
): boolean {
  const isPeer =
    peers === undefined ||
    peers.some(
      ({ podSelector, namespaceSelector }) =>
        podSelector && !namespaceSelector && matches(podSelector, other.labels),
    );
  return isPeer && (ports === undefined || ports.some((allowed) => port.includes(allowed.port ?? '')));
}

/** Where the URLs in the environments of our containers lead, if it is to pods of this namespace. */
function findRoutes(manifests: readonly Manifest[]): Route[] {
  return findPods(manifests).flatMap((from) =>
    (from.spec ? containersOf(from.spec) : []).flatMap((container) =>
      Object.entries(resolveEnvironment(container, manifests).values).flatMap(([variable, value]) => {
        const url = /^\w+:\/\//.test(value) ? URL.parse(value) : null;
        return url === null
          ? []
          : findTargets(url, manifests).map((target): Route => ({ from, variable, ...target }));
      }),
    ),
  );
}

function findTargets({ hostname, port }: URL, manifests: readonly Manifest[]): Pick<Route, 'to' | 'port'>[] {
  const pods = findPods(manifests);
  const operated = new Map([
    ...ofKind(manifests, 'Cluster').map((cluster) => [`${cluster.metadata.name}-rw`, cluster] as const),
    ...ofKind(manifests, 'RabbitmqCluster').map((cluster) => [cluster.metadata.name, cluster] as const),
  ]).get(hostname);
  if (operated) {
    return pods
      .filter(({ title }) => title === titleOf(operated))
      .map((to) => ({ to, port: [Number(port)] }));
  }
  const service = ofKind(manifests, 'Service').find(({ metadata }) => metadata.name === hostname);
  const { selector, ports = [] } = (service?.spec ?? {}) as Partial<IServiceSpec>;
  const asked = ports.find((offered) => offered.port === Number(port));
  if (selector === undefined || asked === undefined) return [];
  return pods
    .filter(({ labels }) => matches({ matchLabels: selector }, labels))
    .map((to) => ({ to, port: portOf(to, asked) }));
}

/** The port of a pod that a service leads to, by both its number and its name. */
function portOf({ spec }: Pods, { port, targetPort = port }: IServicePort): (number | string)[] {
  const ports = (spec ? containersOf(spec) : []).flatMap(({ ports = [] }) => ports);
  const found = ports.find(({ name, containerPort }) => targetPort === name || targetPort === containerPort);
  return found ? [found.containerPort, ...(found.name === undefined ? [] : [found.name])] : [targetPort];
}
