/**
 * Holds `deploy/prometheus` against what Prometheus itself says: the configuration, the rules, and the tests of the
 * alerts. Run by `npm run check` where `promtool` is there.
 */
import { spawnSync } from 'node:child_process';
import { repositoryRoot } from './source-files.ts';

const checks = [
  ['check', 'config', '--lint=all', '--lint-fatal', 'prometheus.yml'],
  ['test', 'rules', 'alerts.test.yml'],
];

for (const args of checks) {
  const cwd = `${repositoryRoot}/deploy/prometheus`;
  const { status, stdout, stderr, error } = spawnSync('promtool', args, { cwd, encoding: 'utf8' });
  if (status === 0) continue;
  console.error(`promtool ${args.join(' ')}\n${error?.message ?? ''}${stdout}${stderr}`);
  process.exitCode = 1;
}
