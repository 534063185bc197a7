/**
 * Writes the rules and alerts of `deploy/prometheus` as the PrometheusRule of `deploy/k8s`, or with `--check` says whether
 * it is up to date: `node scripts/kubernetes/generate-prometheus-rule.ts`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { repositoryRoot } from '#scripts/check/source-files.ts';

const sources = ['deploy/prometheus/rules.yml', 'deploy/prometheus/alerts.yml'];
const target = 'deploy/k8s/base/platform/prometheus-rule.yaml';

function buildPrometheusRule(): string {
  const groups = sources.flatMap((path) => {
    const { groups } = parse(readFileSync(join(repositoryRoot, path), 'utf8')) as { groups: unknown[] };
    return groups;
  });
  const rule = {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'order-processor' },
    spec: { groups },
  };
  const header = `# Generated from ${sources.join(' and ')} by npm run generate.\n`;
  return header + stringify(rule, { lineWidth: 0 });
}

const path = join(repositoryRoot, target);
const wanted = buildPrometheusRule();
if (!process.argv.includes('--check')) {
  writeFileSync(path, wanted);
  console.log(`wrote ${target}`);
} else if (readFileSync(path, 'utf8') !== wanted) {
  console.error(`${target} is not what deploy/prometheus says: npm run generate writes it`);
  process.exitCode = 1;
}
