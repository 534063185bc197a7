/** The few shapes of Grafana's classic dashboard model (schema version 39, Grafana 10 and later) that are used here. */

const datasource = { type: 'prometheus', uid: 'prometheus' };

export type Unit = 'short' | 's' | 'reqps' | 'ops' | 'percentunit' | 'bytes' | 'none';

/** A PromQL expression, and how its series are called: text with `{{label}}`. */
export type Query = readonly [expr: string, legend: string];

export interface Panel {
  readonly title: string;
  /** What a reader should know who sees it for the first time. */
  readonly description: string;
  readonly unit: Unit;
  readonly queries: readonly Query[];
  /** `number`: the present value, large; `states`: when what was the case; otherwise lines over time. */
  readonly as?: 'number' | 'states';
  /** From where on a number is worrying. */
  readonly worrying?: number;
}

export interface Row {
  readonly title: string;
  /** How many panels stand side by side. */
  readonly columns: number;
  readonly panels: readonly Panel[];
}

const width = 24;
const heights = { number: 4, states: 8, lines: 8 };

/** Puts rows below each other, and their panels side by side. */
export function layOut(rows: readonly Row[]): unknown[] {
  const placed: unknown[] = [];
  let y = 0;
  let id = 1;
  for (const { title, columns, panels } of rows) {
    placed.push({
      id,
      type: 'row',
      title,
      collapsed: false,
      gridPos: { x: 0, y, w: width, h: 1 },
      panels: [],
    });
    id += 1;
    y += 1;
    const w = width / columns;
    const h = Math.max(...panels.map(({ as }) => heights[as ?? 'lines']));
    for (const [index, panel] of panels.entries()) {
      const gridPos = { x: (index % columns) * w, y: y + Math.floor(index / columns) * h, w, h };
      placed.push({ id, ...toGrafana(panel), gridPos });
      id += 1;
    }
    y += Math.ceil(panels.length / columns) * h;
  }
  return placed;
}

function toGrafana({ title, description, unit, queries, as, worrying }: Panel): object {
  const steps = [{ color: 'green', value: null }, ...(worrying ? [{ color: 'red', value: worrying }] : [])];
  const thresholds = { mode: 'absolute', steps };
  const targets = queries.map(([expr, legendFormat], index) => ({
    refId: String.fromCharCode('A'.charCodeAt(0) + index),
    datasource,
    expr,
    legendFormat,
    ...(as === 'number' ? { instant: true } : { range: true }),
  }));
  const common = { title, description, datasource, targets };
  switch (as) {
    case 'number':
      return {
        ...common,
        type: 'stat',
        fieldConfig: { defaults: { unit, thresholds, noValue: '–' }, overrides: [] },
        options: {
          colorMode: worrying ? 'background' : 'none',
          graphMode: 'none',
          reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
        },
      };
    case 'states':
      return {
        ...common,
        type: 'state-timeline',
        fieldConfig: { defaults: { unit, thresholds, custom: { fillOpacity: 70 } }, overrides: [] },
        options: { mergeValues: true, showValue: 'never', legend: { showLegend: false } },
      };
    case undefined:
      return {
        ...common,
        type: 'timeseries',
        fieldConfig: { defaults: { unit, min: 0, custom: { lineWidth: 1, fillOpacity: 5 } }, overrides: [] },
        options: {
          legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
          tooltip: { mode: 'multi', sort: 'desc' },
        },
      };
    default:
      return as satisfies never;
  }
}
