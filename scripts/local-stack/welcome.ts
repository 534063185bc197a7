import type { StackDescription } from './stack-file.ts';

const exampleOrder = {
  customerId: 'customer-1',
  currency: 'EUR',
  items: [{ sku: 'SKU-001', quantity: 2, unitPrice: { amountMinor: 1999, currency: 'EUR' } }],
};

/** What a person sees when everything is up: every address, and a first order to paste; with tokens where they matter. */
export function welcome(
  stack: StackDescription,
  tokens?: { readonly customer: string; readonly operator: string },
): string {
  const { username, password } = new URL(stack.amqpUrl);
  const console = stack.pids['rabbitmq'] === undefined ? '' : `   (${username} / ${password})`;
  return `
  API               ${stack.orderService}
  API description   ${stack.orderService}/docs
  gRPC              ${stack.orderGrpc}
  Processor         ${stack.processorService}   (stock, sagas, dead letters)
  Payment sandbox   ${stack.paymentSandbox}
  RabbitMQ console  ${stack.managementUrl}${console}
  RabbitMQ          ${shown(stack, 'rabbitmq', stack.amqpUrl)}
  Order database    ${shown(stack, 'postgres', stack.orderDatabaseUrl)}
  Processor db      ${shown(stack, 'postgres', stack.processorDatabaseUrl)}

${tokens ? shownTokens(tokens) : ''}Place an order:

  curl -i ${stack.orderService}/orders${tokens ? ' -H "authorization: Bearer $CUSTOMER"' : ''} -H 'content-type: application/json' -d '${JSON.stringify(exampleOrder)}'

See what else can happen to one, in another terminal: npm run demo

Ctrl-C stops everything. The data stays until "npm run reset".
`;
}

function shownTokens({ customer, operator }: { customer: string; operator: string }): string {
  return `Requests need a token. That of customer-1, and that of an operator, for twelve hours:

  CUSTOMER=${customer}
  OPERATOR=${operator}

Others: npm run -s token -- --sub alice --scope 'orders:read orders:write'

`;
}

/** Our own local password is no secret; that of somebody else's server is, and stays off the screen. */
function shown(stack: StackDescription, server: string, address: string): string {
  const url = new URL(address);
  if (stack.pids[server] === undefined && url.password !== '') url.password = '***';
  return url.href;
}
