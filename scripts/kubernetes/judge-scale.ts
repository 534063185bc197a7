import type { IDeploymentSpec } from 'kubernetes-models/apps/v1/DeploymentSpec';
import { queues } from '#shared/contracts/topology.ts';
import { shardCount } from '#shared/outbox/outbox-message.ts';
import { stopWithinMs } from '#shared/process/run-service.ts';
import { resolveEnvironment } from './environment.ts';
import { scaleTargetOf } from './judge-selectors.ts';
import { type Manifest, titleOf } from './manifest.ts';
import { ofKind } from './pods.ts';

/** Of each database: the operator, its instances, the set-up, the locks of the dead-letter desk, and somebody who looks. */
const reservedConnections = 20;
/** From the signal to the service's own clock, and from its end to the container's. */
const stopMarginMs = 5_000;
interface Trigger {
  readonly type: string;
  readonly metadata: Readonly<Record<string, string>>;
}

const triggerFields = ['protocol', 'host', 'vhostName', 'queueName', 'mode', 'value'];

/**
 * Do the numbers fit together: replicas and shards of the outbox, replicas and connections of the databases, the time to
 * stop and the time it takes; and are the queues, by which is scaled, those of the topology?
 */
export function judgeScale(manifests: readonly Manifest[]): string[] {
  const services = ofKind(manifests, 'Deployment').flatMap((manifest) => {
    const spec = manifest.spec as IDeploymentSpec;
    const [container] = spec.template.spec?.containers ?? [];
    const values = container ? resolveEnvironment(container, manifests).values : {};
    const database = Object.entries(values).find(([name]) => name.endsWith('_DATABASE_URL'))?.[1];
    if (database === undefined) return [];
    return [
      { manifest, spec, values, database: new URL(database).hostname, ...replicasOf(manifest, manifests) },
    ];
  });
  const perService = services.flatMap(({ manifest, spec, values, most, isScaled }) => {
    const graceMs = (spec.template.spec?.terminationGracePeriodSeconds ?? 30) * 1_000;
    const neededMs = Number(values['SHUTDOWN_DELAY_MS'] ?? 0) + stopWithinMs + stopMarginMs;
    return [
      ...(most > shardCount
        ? [`${most} replicas, of which only ${shardCount} would have a shard to relay`]
        : []),
      ...(graceMs < neededMs ? [`has ${graceMs} ms to stop and needs ${neededMs} ms`] : []),
      ...(isScaled && spec.replicas !== undefined ? ['says how many replicas, beside its autoscaler'] : []),
    ].map((complaint) => `${titleOf(manifest)}: ${complaint}`);
  });
  const perDatabase = ofKind(manifests, 'Cluster').flatMap((cluster) => {
    const offered = Number(
      (cluster.spec as { postgresql: { parameters: Record<string, string> } }).postgresql.parameters[
        'max_connections'
      ],
    );
    const wanted = services
      .filter(({ database }) => database === `${cluster.metadata.name}-rw`)
      // The pool, the relay's own and two for health and metrics; while a new version comes, one pod more.
      .map(({ most, values }) => (most + 1) * (Number(values['DATABASE_POOL_SIZE']) + 3))
      .reduce((total, some) => total + some, reservedConnections);
    return wanted <= offered
      ? []
      : [`${titleOf(cluster)}: up to ${wanted} connections, max_connections is ${offered}`];
  });
  return [...perService, ...perDatabase, ...ofKind(manifests, 'ScaledObject').flatMap(judgeTriggers)];
}

function replicasOf(
  deployment: Manifest,
  manifests: readonly Manifest[],
): { most: number; isScaled: boolean } {
  const scalers = [...ofKind(manifests, 'HorizontalPodAutoscaler'), ...ofKind(manifests, 'ScaledObject')];
  const scaler = scalers.find((scaler) => scaleTargetOf(scaler) === deployment.metadata.name);
  if (scaler === undefined)
    return { most: (deployment.spec as IDeploymentSpec).replicas ?? 1, isScaled: false };
  const { maxReplicas, maxReplicaCount } = scaler.spec as { maxReplicas?: number; maxReplicaCount?: number };
  // KEDA's default.
  return { most: maxReplicas ?? maxReplicaCount ?? 100, isScaled: true };
}

/** To the schema, what a trigger is told is any map of strings. */
function judgeTriggers(scaledObject: Manifest): string[] {
  const { triggers } = scaledObject.spec as { triggers: Trigger[] };
  const names: readonly string[] = Object.values(queues);
  return triggers.flatMap(({ type, metadata }) => [
    ...(type === 'rabbitmq' ? [] : [`${titleOf(scaledObject)}: triggers of type ${type} are not known here`]),
    ...Object.keys(metadata)
      .filter((field) => !triggerFields.includes(field))
      .map((field) => `${titleOf(scaledObject)}: a trigger knows no ${field}`),
    ...(names.includes(metadata['queueName'] ?? '')
      ? []
      : [`${titleOf(scaledObject)}: there is no queue ${metadata['queueName']}`]),
  ]);
}
