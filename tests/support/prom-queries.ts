import { readFile } from 'node:fs/promises';
import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';
import { parse } from 'yaml';

/** A PromQL expression, and where it stands. */
export interface PromQuery {
  readonly from: string;
  readonly expr: string;
  /** Labels that the place uses beside it, as in the names of a panel's series. */
  readonly labels: readonly string[];
}

/** What a query takes of one metric. */
export interface Selector {
  readonly metric: string;
  /** Every label of it that the query names. */
  readonly labels: ReadonlySet<string>;
  /** Tells whether the values of a sample's labels are asked for. */
  readonly matches: (labels: ReadonlyMap<string, string>) => boolean;
}

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
}

interface Dashboard {
  readonly templating: { readonly list: readonly { readonly query: string }[] };
  readonly panels: readonly {
    readonly title: string;
    readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
  }[];
}

const deploy = new URL('../../deploy/', import.meta.url);

/** All rules of Prometheus: those that record, and the alerts. */
export async function rulesOf(file: 'rules.yml' | 'alerts.yml'): Promise<readonly (PromQuery & Rule)[]> {
  const text = await readFile(new URL(`prometheus/${file}`, deploy), 'utf8');
  const { groups } = parse(text) as { groups: { rules: Rule[] }[] };
  return groups
    .flatMap(({ rules }) => rules)
    .map((rule) => ({ ...rule, from: rule.record ?? rule.alert ?? '', labels: [] }));
}

/** All queries of the dashboard, with a value for each of its variables. */
export async function queriesOfDashboard(): Promise<readonly PromQuery[]> {
  const file = new URL('grafana/provisioning/dashboards/orders-saga-overview.json', deploy);
  const { panels, templating } = JSON.parse(await readFile(file, 'utf8')) as Dashboard;
  const ofPanels = panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, legendFormat }) => ({
      from: title,
      expr: expr.replaceAll('$__rate_interval', '1m').replaceAll('$service', '.*'),
      labels: [...legendFormat.matchAll(/{{(\w+)}}/g)].map(([, label = '']) => label),
    })),
  );
  const ofVariables = templating.list.map(({ query }) => {
    const [, expr = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(query) ?? [];
    return { from: query, expr, labels: [label] };
  });
  return [...ofPanels, ...ofVariables];
}

/** What a query needs to be there. @throws Error where it is no PromQL. */
export function selectorsOf({ from, expr, labels }: PromQuery): readonly Selector[] {
  const tree = parser.parse(expr);
  const selectors: Selector[] = [];
  tree.iterate({
    enter({ node, type }) {
      if (type.isError) throw new Error(`${from}: cannot parse ${expr}`);
      if (node.name === 'VectorSelector') selectors.push(toSelector(node, expr, labels));
    },
  });
  if (selectors.length === 0) throw new Error(`${from}: no metric in ${expr}`);
  return selectors;
}

function toSelector(node: SyntaxNode, expr: string, alsoUsed: readonly string[]): Selector {
  const textOf = (found: SyntaxNode | null): string => (found ? expr.slice(found.from, found.to) : '');
  const matchers = (node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? []).map(
    (matcher) => ({
      label: textOf(matcher.getChild('LabelName')),
      operator: textOf(matcher.getChild('MatchOp')),
      value: JSON.parse(textOf(matcher.getChild('StringLiteral'))) as string,
    }),
  );
  const grouping: string[] = [];
  for (let around = node.parent; around; around = around.parent) {
    const modifier = around.getChild('AggregateModifier') ?? around.getChild('MatchingModifierClause');
    for (const label of modifier?.getChild('GroupingLabels')?.getChildren('LabelName') ?? []) {
      grouping.push(textOf(label));
    }
  }
  return {
    metric: textOf(node.getChild('Identifier')),
    labels: new Set([...matchers.map(({ label }) => label), ...grouping, ...alsoUsed]),
    matches: (sample) =>
      matchers.every(({ label, operator, value }) => {
        if (addedByPrometheus.has(label)) return true;
        const is = sample.get(label) ?? '';
        const equal = operator.endsWith('~') ? new RegExp(`^(?:${value})$`).test(is) : is === value;
        return equal !== operator.startsWith('!');
      }),
  };
}

/** Labels that say which target a sample comes from. */
export const addedByPrometheus: ReadonlySet<string> = new Set(['job', 'instance']);
