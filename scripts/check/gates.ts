import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** One thing that must hold: a program for Node that exits with 0 if it does and says why if it does not. */
export interface Gate {
  readonly name: string;
  /** What follows `node` on the command line, from the root of the repository. */
  readonly command: readonly string[];
  /** A program that npm cannot bring. Without it the gate is left out, and said to be; in CI that is a failure. */
  readonly needs?: { readonly program: string; readonly from: string };
}

const buf = programOf('@bufbuild/buf', 'bin/buf');

/** The gates of `npm run check`, slowest first. They write nothing and need each other in nothing. */
export const gates: readonly Gate[] = [
  { name: 'types', command: [programOf('typescript', 'bin/tsc'), '--noEmit', '--pretty', 'false'] },
  { name: 'lint', command: [programOf('oxlint', 'bin/oxlint')] },
  { name: 'dependency arrows', command: ['scripts/check/dependency-arrows.ts'] },
  {
    name: 'format and imports',
    command: [programOf('@biomejs/biome', 'bin/biome'), 'check', '--error-on-warnings'],
  },
  { name: 'rabbitmq/definitions.json', command: ['rabbitmq/generate-definitions.ts', '--check'] },
  { name: 'docs/asyncapi.json', command: ['scripts/generate-asyncapi.ts', '--check'] },
  { name: 'proto: lint', command: [buf, 'lint'] },
  { name: 'proto: breaking changes', command: [buf, 'breaking', '--against', 'proto/released.json'] },
  { name: 'proto: generated code', command: ['scripts/protobuf/generate.ts', '--check'] },
  {
    name: 'deploy/prometheus',
    command: ['scripts/check/prometheus.ts'],
    needs: { program: 'promtool', from: 'the package prometheus of Debian and Ubuntu' },
  },
  { name: 'deploy/grafana', command: ['scripts/grafana/generate.ts', '--check'] },
  {
    name: 'deploy/k8s: alerts of deploy/prometheus',
    command: ['scripts/kubernetes/generate-prometheus-rule.ts', '--check'],
  },
  {
    name: 'deploy/k8s',
    command: ['scripts/kubernetes/check.ts'],
    needs: {
      program: 'kubectl',
      from: 'https://kubernetes.io/docs/tasks/tools',
    },
  },
  { name: 'package-lock.json', command: ['scripts/check/lock-file.ts'] },
];

function programOf(packageName: string, path: string): string {
  const manifest = createRequire(import.meta.url).resolve(`${packageName}/package.json`);
  return join(dirname(manifest), path);
}
