import { createPortPicker } from '#scripts/local-stack/ports.ts';
import type { BenchSystemOptions, ServiceName } from '../system.ts';

export type InspectorPorts = Readonly<Record<ServiceName, number>>;

const preferredPort = 5940;

/** Free ports for the inspectors of the services. */
export async function chooseInspectorPorts(): Promise<InspectorPorts> {
  const pick = createPortPicker();
  return {
    order: await pick(preferredPort),
    processor: await pick(preferredPort),
    sandbox: await pick(preferredPort),
  };
}

/** Makes every service open its inspector, quietly, and PostgreSQL count what each statement takes. */
export function profilingSettings(
  ports: InspectorPorts,
): Required<Pick<BenchSystemOptions, 'envOf' | 'postgresSettings'>> {
  return {
    envOf: (service) => ({
      NODE_OPTIONS: `--inspect=127.0.0.1:${ports[service]} --inspect-publish-uid=http`,
    }),
    postgresSettings: {
      shared_preload_libraries: 'pg_stat_statements',
      'pg_stat_statements.track_planning': 'on',
    },
  };
}
