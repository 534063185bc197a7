import type { ILabelSelector } from '@kubernetes-models/apimachinery/apis/meta/v1/LabelSelector';
import type { INetworkPolicySpec } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicySpec';
import type { IServiceSpec } from 'kubernetes-models/v1/ServiceSpec';
import { type Manifest, titleOf } from './manifest.ts';
import { containersOf, findPods, matches, ofKind } from './pods.ts';

/** Pods that a manifest chooses, and the ports that it wants of them, by number or name. */
interface Choice {
  readonly selector: ILabelSelector;
  readonly ports: readonly (number | string | undefined)[];
}

interface Rule {
  readonly backendRefs?: readonly { readonly name: string; readonly port?: number }[];
}

/** Does every selector choose something, has what it chooses the named ports, and leads every route somewhere? */
export function judgeSelectors(manifests: readonly Manifest[]): string[] {
  const pods = findPods(manifests);
  const lost = manifests.flatMap((manifest) =>
    choicesOf(manifest).flatMap(({ selector, ports }) => {
      const chosen = pods.filter(({ labels }) => matches(selector, labels));
      if (chosen.length === 0)
        return [`${titleOf(manifest)}: chooses nothing with ${JSON.stringify(selector)}`];
      return chosen.flatMap(({ title, spec }) => {
        const names = spec && containersOf(spec).flatMap(({ ports = [] }) => ports.map(({ name }) => name));
        return ports
          .filter((port) => typeof port === 'string' && names && !names.includes(port))
          .map((port) => `${titleOf(manifest)}: no port ${port} of ${title}`);
      });
    }),
  );
  return [...lost, ...judgeRoutes(manifests), ...judgeScaleTargets(manifests)];
}

function choicesOf(manifest: Manifest): Choice[] {
  switch (manifest.kind) {
    case 'Service': {
      const { selector: matchLabels = {}, ports = [] } = manifest.spec as IServiceSpec;
      return [{ selector: { matchLabels }, ports: ports.map(({ targetPort }) => targetPort) }];
    }
    case 'PodDisruptionBudget':
      return [{ selector: (manifest.spec as { selector: ILabelSelector }).selector, ports: [] }];
    case 'PodMonitor': {
      const { selector, podMetricsEndpoints } = manifest.spec as {
        selector: ILabelSelector;
        podMetricsEndpoints: { port: string }[];
      };
      return [{ selector, ports: podMetricsEndpoints.map(({ port }) => port) }];
    }
    case 'NetworkPolicy':
      return choicesOfPolicy(manifest.spec as INetworkPolicySpec);
    default:
      return [];
  }
}

/** Ports are those of whom is spoken to; peers in other namespaces are not known here. */
function choicesOfPolicy({ podSelector = {}, ingress = [], egress = [] }: INetworkPolicySpec): Choice[] {
  const here = (peers: (typeof ingress)[number]['from'] = []) =>
    peers.flatMap(({ podSelector, namespaceSelector }) =>
      podSelector && !namespaceSelector ? [podSelector] : [],
    );
  return [
    { selector: podSelector, ports: ingress.flatMap(({ ports = [] }) => ports.map(({ port }) => port)) },
    ...ingress.flatMap(({ from }) => here(from).map((selector) => ({ selector, ports: [] }))),
    ...egress.flatMap(({ to, ports = [] }) =>
      here(to).map((selector) => ({ selector, ports: ports.map(({ port }) => port) })),
    ),
  ];
}

function judgeRoutes(manifests: readonly Manifest[]): string[] {
  const served = new Set(
    ofKind(manifests, 'Service').flatMap((service) =>
      ((service.spec as IServiceSpec).ports ?? []).map(({ port }) => `${service.metadata.name}:${port}`),
    ),
  );
  return [...ofKind(manifests, 'HTTPRoute'), ...ofKind(manifests, 'GRPCRoute')].flatMap((route) =>
    (route.spec as { rules: Rule[] }).rules
      .flatMap(({ backendRefs = [] }) => backendRefs.map(({ name, port }) => `${name}:${port}`))
      .filter((backend) => !served.has(backend))
      .map((backend) => `${titleOf(route)}: no Service ${backend}`),
  );
}

function judgeScaleTargets(manifests: readonly Manifest[]): string[] {
  const deployments = ofKind(manifests, 'Deployment').map(({ metadata }) => metadata.name);
  return [...ofKind(manifests, 'HorizontalPodAutoscaler'), ...ofKind(manifests, 'ScaledObject')]
    .filter((scaler) => !deployments.includes(scaleTargetOf(scaler)))
    .map((scaler) => `${titleOf(scaler)}: no Deployment ${scaleTargetOf(scaler)}`);
}

/** The name of the deployment that an autoscaler scales. */
export function scaleTargetOf(scaler: Manifest): string {
  return (scaler.spec as { scaleTargetRef: { name: string } }).scaleTargetRef.name;
}
