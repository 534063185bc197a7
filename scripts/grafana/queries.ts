import type { Query } from './panels.ts';

/** Those of the services that are chosen above the dashboard. */
export const chosen = 'service=~"$service"';
export const pace = '[$__rate_interval]';

/** How often, by these labels. */
export function rate(series: string, ...labels: readonly string[]): string {
  const by = labels.length > 0 ? ` by (${labels.join(', ')}) ` : '';
  return `sum${by}(rate(${series}${pace}))`;
}

/** How long half of them, 95 and 99 of a hundred take at most. */
export function quantiles(histogram: string, matchers = ''): Query[] {
  return [0.5, 0.95, 0.99].map((quantile): Query => {
    const buckets = rate(bucketsOf(histogram, matchers), 'le');
    return [`histogram_quantile(${quantile}, ${buckets})`, `p${quantile * 100}`];
  });
}

/** How long 95 of a hundred take at most, by a label. */
export function p95(histogram: string, matchers: string, label: string): Query {
  const buckets = rate(bucketsOf(histogram, matchers), 'le', label);
  return [`histogram_quantile(0.95, ${buckets})`, `{{${label}}}`];
}

/** Queues by their kind. */
export const deadLetters = 'queue=~".*\\\\.dlq"';
export const ladder = 'queue=~"orders\\\\.retry\\\\..*"';
export const work = 'queue!~".*\\\\.dlq|orders\\\\.retry\\\\..*"';

function bucketsOf(histogram: string, matchers: string): string {
  return `${histogram}_bucket${matchers && `{${matchers}}`}`;
}
