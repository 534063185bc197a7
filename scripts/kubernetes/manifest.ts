import { parseAllDocuments } from 'yaml';

/** A Kubernetes object as a manifest describes it; nothing beyond its name and kind is known to be there. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  /** What the schema of the kind says; to be held against it before it is believed. */
  readonly spec?: unknown;
  readonly [field: string]: unknown;
}

/**
 * Reads a stream of YAML documents.
 *
 * @throws Error if it is no YAML, has a key twice, or a document is not a Kubernetes object with a name.
 */
export function parseManifests(text: string): Manifest[] {
  return parseAllDocuments(text, { uniqueKeys: true }).flatMap((document) => {
    const [error] = document.errors;
    if (error) throw error;
    const value: unknown = document.toJS();
    if (value === null) return [];
    if (!isManifest(value))
      throw new Error(`not a Kubernetes object: ${JSON.stringify(value).slice(0, 200)}`);
    return [value];
  });
}

/** As it is called in complaints: `Deployment order-service`. */
export function titleOf({ kind, metadata }: Manifest): string {
  return `${kind} ${metadata.name}`;
}

function isManifest(value: unknown): value is Manifest {
  const { apiVersion, kind, metadata } = value as Partial<Manifest>;
  return typeof apiVersion === 'string' && typeof kind === 'string' && typeof metadata?.name === 'string';
}
