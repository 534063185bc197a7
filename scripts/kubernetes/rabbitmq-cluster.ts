/**
 * What a RabbitmqCluster may say. Written by us, for no package has it: the names and meanings are those of the RabbitMQ
 * Cluster Operator's API `rabbitmq.com/v1beta1` (operator 2.x, api/v1beta1/rabbitmqcluster_types.go). It knows what our
 * manifests use and refuses the rest, also what the operator would take: whoever needs another field adds it here.
 */
import type { IObjectMeta } from '@kubernetes-models/apimachinery/apis/meta/v1/ObjectMeta';
import type { IAffinity } from 'kubernetes-models/v1/Affinity';
import type { IPodSpec } from 'kubernetes-models/v1/PodSpec';
import type { IResourceRequirements } from 'kubernetes-models/v1/ResourceRequirements';
import type { IToleration } from 'kubernetes-models/v1/Toleration';

export interface RabbitmqCluster {
  apiVersion: 'rabbitmq.com/v1beta1';
  kind: 'RabbitmqCluster';
  metadata: IObjectMeta;
  spec: {
    /** An odd number, so that a majority is always clear. */
    replicas: 1 | 3 | 5;
    image: string;
    persistence: { storage: string; storageClassName?: string };
    /** The operator derives the memory high watermark from the limit. */
    resources: IResourceRequirements;
    affinity?: IAffinity;
    tolerations?: IToleration[];
    /** By default a week, for a node that stops waits until its queues have enough other members. */
    terminationGracePeriodSeconds?: number;
    rabbitmq?: {
      /** rabbitmq.conf, at most 2000 characters. */
      additionalConfig?: string;
      additionalPlugins?: string[];
    };
    tls?: { secretName?: string; caSecretName?: string; disableNonTLSListeners?: boolean };
    override?: {
      statefulSet?: {
        spec?: {
          template?: {
            metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
            spec?: Partial<IPodSpec>;
          };
        };
      };
    };
  };
}
