import { layOut } from './panels.ts';
import { now, requests, sagas } from './rows-of-orders.ts';
import { payment, webhooks } from './rows-of-partners.ts';
import { messages, outbox, processes } from './rows-of-services.ts';

/** The dashboard "Orders: saga overview" in the form that Grafana provisions. */
export function ordersSagaOverview(): object {
  return {
    uid: 'orders-saga-overview',
    title: 'Orders: saga overview',
    description: 'What happens to orders, and to the services and the broker that bring it about.',
    tags: ['orders'],
    schemaVersion: 39,
    version: 1,
    editable: false,
    graphTooltip: 1,
    refresh: '15s',
    time: { from: 'now-1h', to: 'now' },
    links: [],
    annotations: { list: [] },
    templating: {
      list: [
        {
          name: 'service',
          label: 'Service',
          type: 'query',
          datasource: { type: 'prometheus', uid: 'prometheus' },
          query: 'label_values(oms_build_info, service)',
          refresh: 2,
          multi: true,
          includeAll: true,
          current: { text: ['All'], value: ['$__all'] },
        },
      ],
    },
    panels: layOut([now, sagas, requests, outbox, messages, payment, webhooks, processes]),
  };
}
