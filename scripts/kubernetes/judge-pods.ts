import type { IContainer } from 'kubernetes-models/v1/Container';
import type { IPodSpec } from 'kubernetes-models/v1/PodSpec';
import type { Manifest } from './manifest.ts';
import { containersOf, findPods } from './pods.ts';

/**
 * Are our own pods what the Pod Security Standard `restricted` wants, and a little more: no token of the API, no
 * writable root, requests for what they need and a limit on memory?
 * https://kubernetes.io/docs/concepts/security/pod-security-standards/
 */
export function judgePods(manifests: readonly Manifest[]): string[] {
  return findPods(manifests).flatMap(({ title, spec }) =>
    spec
      ? [
          ...faultsOf(spec).map((fault) => `${title}: ${fault}`),
          ...containersOf(spec).flatMap((container) =>
            faultsOfContainer(container).map((fault) => `${title}, ${container.name}: ${fault}`),
          ),
        ]
      : [],
  );
}

function faultsOf(spec: IPodSpec): string[] {
  const { securityContext, automountServiceAccountToken, enableServiceLinks } = spec;
  return listOf({
    'may run as root': securityContext?.runAsNonRoot !== true || securityContext.runAsUser === 0,
    // The image names its user, and a name cannot be told from root's.
    'has no numeric user': securityContext?.runAsUser === undefined,
    'has no seccomp profile': securityContext?.seccompProfile?.type !== 'RuntimeDefault',
    "has a token of Kubernetes' API": automountServiceAccountToken !== false,
    'gets a variable for every service': enableServiceLinks !== false,
    "shares the node's namespaces":
      spec.hostNetwork === true || spec.hostPID === true || spec.hostIPC === true,
    "mounts the node's files": (spec.volumes ?? []).some(({ hostPath }) => hostPath),
  });
}

function faultsOfContainer({ securityContext, resources }: IContainer): string[] {
  return listOf({
    'may gain privileges':
      securityContext?.allowPrivilegeEscalation !== false || securityContext.privileged === true,
    'has a writable root': securityContext?.readOnlyRootFilesystem !== true,
    'keeps capabilities':
      !securityContext?.capabilities?.drop?.includes('ALL') ||
      (securityContext.capabilities.add ?? []).length > 0,
    'requests no CPU': resources?.requests?.['cpu'] === undefined,
    'requests no memory': resources?.requests?.['memory'] === undefined,
    'has no limit on memory': resources?.limits?.['memory'] === undefined,
  });
}

function listOf(faults: Readonly<Record<string, boolean>>): string[] {
  return Object.keys(faults).filter((fault) => faults[fault]);
}
