import type { IContainer } from 'kubernetes-models/v1/Container';
import type { Manifest } from './manifest.ts';
import { ofKind } from './pods.ts';

/** Stands for whatever is in a secret: fits into a URL, and is a key of 32 bytes in base64. */
const placeholder = 'A'.repeat(44);

/** The environment of a container as it will be, but for secrets. */
export interface Environment {
  readonly values: Readonly<Record<string, string>>;
  /** Variables that are there to be put into others: `$(NAME)`. */
  readonly parts: ReadonlySet<string>;
  /** What is put into others and is not there. */
  readonly complaints: readonly string[];
}

/**
 * What Kubernetes makes of `env` and `envFrom`; config maps that are not there give nothing.
 *
 * @param secretOf what is in a secret under a key
 */
export function resolveEnvironment(
  container: IContainer,
  manifests: readonly Manifest[],
  secretOf: (name: string, key: string) => string = () => placeholder,
): Environment {
  const values: Record<string, string> = {};
  const parts = new Set<string>();
  const complaints: string[] = [];
  const dataOf = (name: string | undefined) =>
    (ofKind(manifests, 'ConfigMap').find(({ metadata }) => metadata.name === name)?.['data'] ?? {}) as Record<
      string,
      string
    >;
  for (const { configMapRef } of container.envFrom ?? []) Object.assign(values, dataOf(configMapRef?.name));
  for (const { name, value = '', valueFrom } of container.env ?? []) {
    const reference = valueFrom?.configMapKeyRef;
    const secret = valueFrom?.secretKeyRef;
    if (secret) values[name] = secretOf(secret.name ?? '', secret.key);
    else if (reference) values[name] = dataOf(reference.name)[reference.key] ?? '';
    else {
      values[name] = value.replaceAll(/\$\(([^)]+)\)/g, (_text, part: string) => {
        parts.add(part);
        // Kubernetes leaves it as it stands.
        if (values[part] === undefined)
          complaints.push(`${name} is made of ${part}, which does not stand before it`);
        return values[part] ?? '';
      });
    }
  }
  return { values, parts, complaints };
}
