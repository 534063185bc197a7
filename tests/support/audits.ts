import type { TestSystem } from './system.ts';

type Service = 'order' | 'processor';

/** What `GET /invariants` answers; only what tests look at. */
export interface InvariantsView {
  readonly lastRunAt: string | null;
  readonly ordersChecked: number;
  readonly coverage: readonly { readonly name: string; readonly completedAt: string | null }[];
  readonly invariants: readonly { readonly invariant: string; readonly status: string }[];
  readonly findings: readonly {
    readonly invariant: string;
    readonly subject: string;
    readonly what: string;
  }[];
}

export async function readInvariants(system: TestSystem, service: Service): Promise<InvariantsView> {
  const response = await fetch(`${system.urls[service]}/invariants`);
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return (await response.json()) as InvariantsView;
}

/** What the auditor of a service has found since the service was started, gone or not. */
export function everFoundBy(system: TestSystem, service: Service): readonly string[] {
  return system.logOf(service).filter((line) => line.includes('an invariant is broken'));
}
