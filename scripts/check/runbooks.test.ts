import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { repositoryRoot } from './source-files.ts';

interface Alert {
  readonly alert: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook_url: string };
}

const folder = 'docs/runbooks';
const { groups } = parse(read('deploy/prometheus/alerts.yml')) as { groups: { rules: Alert[] }[] };
const alerts = groups.flatMap(({ rules }) => rules);
const runbooks = globSync('*.md', { cwd: join(repositoryRoot, folder) }).filter(
  (name) => name !== 'README.md',
);
const list = [
  ...read(`${folder}/README.md`).matchAll(/^\| `(\w+)` +\| (\w+) +\|.*\]\(([\w-]+\.md)\) +\|$/gm),
];

describe('every alert', () => {
  test('leads to a runbook that is there, and is on the list as it is', () => {
    expect(alerts.length).toBeGreaterThan(10);
    expect(list.map(([, ...columns]) => columns)).toEqual(
      alerts.map(({ alert, labels: { severity }, annotations }) => [
        alert,
        severity,
        annotations.runbook_url.replace(`${folder}/`, ''),
      ]),
    );
    for (const { annotations } of alerts) {
      expect(runbooks.map((name) => `${folder}/${name}`)).toContain(annotations.runbook_url);
    }
  });

  test('is named by its runbook', () => {
    const unnamed = alerts.filter(
      ({ alert, annotations }) => !read(annotations.runbook_url).includes(`\`${alert}\``),
    );
    expect(unnamed.map(({ alert }) => alert)).toEqual([]);
  });

  test('says in one sentence what is wrong, and whether it is worth waking somebody', () => {
    for (const { labels, annotations } of alerts) {
      expect(annotations.summary).toMatch(/^\S.{20,}\.$/);
      expect(['critical', 'warning']).toContain(labels.severity);
    }
  });

  test('has a test in which it fires, and one in which it does not', () => {
    const { tests } = parse(read('deploy/prometheus/alerts.test.yml')) as {
      tests: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[];
    };
    const expectations = tests.flatMap(({ alert_rule_test: expected }) => expected);
    for (const fires of [true, false]) {
      const tested = expectations.filter(({ exp_alerts: expected }) => expected.length > 0 === fires);
      expect(new Set(tested.map(({ alertname }) => alertname))).toEqual(
        new Set(alerts.map(({ alert }) => alert)),
      );
    }
  });
});

test('every runbook is on the list', () => {
  expect(runbooks.length).toBeGreaterThan(5);
  expect(runbooks.filter((name) => !list.some(([, , , linked]) => linked === name))).toEqual([]);
});

function read(path: string): string {
  return readFileSync(join(repositoryRoot, path), 'utf8');
}
