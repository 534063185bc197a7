/** A line of what a service tells Prometheus. */
export interface Sample {
  readonly metric: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

/** Reads the text format of Prometheus, as far as it is used here. */
export async function scrapeSamples(url: string): Promise<readonly Sample[]> {
  const response = await fetch(`${url}/metrics`);
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => {
    const [, metric = '', labels = '', value = ''] = /^([\w:]+)(?:{(.*)})? (\S+)$/.exec(line) ?? [];
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
    return {
      metric,
      labels: new Map(pairs.map(([, label = '', text = '']): [string, string] => [label, text])),
      value: Number(value),
    };
  });
}
