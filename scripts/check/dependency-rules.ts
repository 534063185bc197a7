import type { IForbiddenRuleType } from 'dependency-cruiser';

const service = '^(order-service|processor-service|payment-sandbox)/';
const layered = '^(order-service|processor-service)/src/';
const deployed = '^(order-service|processor-service|payment-sandbox|shared|rabbitmq)/';
const besideTheSystem = '^(auditor|scripts|tests|bench)/';
const compositionRoot = '(^|/)(container|main)[.]ts$';
const test = '([.]test[.]ts$|/testing/)';
const drivers = '^node_modules/(@types/)?(@prisma/|pg/|amqplib/|undici/|undici-types/)';
const mechanisms = '^shared/src/(messaging|outbox|postgres)/';

/**
 * Which way imports may not point; type imports count. In short:
 *
 *     http, grpc, consumers, cli  →  application  →  domain
 *               infrastructure  →  application/ports
 *
 * container.ts and main.ts see everything of their service; services never see each other, shared sees no service.
 */
export const forbiddenArrows: readonly (IForbiddenRuleType & { readonly name: string })[] = [
  {
    name: 'services-never-meet',
    comment: 'They meet on the broker: what they share is a contract or a mechanism in shared/.',
    from: { path: service, pathNot: test },
    to: { path: service, pathNot: '^$1/' },
  },
  {
    name: 'shared-knows-no-service',
    from: { path: '^shared/' },
    to: { path: service },
  },
  {
    name: 'the-system-needs-nothing-beside-it',
    comment: 'The auditor, scripts, tests and benchmarks look at it from outside.',
    from: { path: deployed, pathNot: test },
    to: { path: [besideTheSystem, test] },
  },
  {
    name: 'domain-is-pure',
    comment: 'Functions over values: no driver, no logger, no schema library, not even Node.',
    from: { path: `${layered}domain/`, pathNot: test },
    to: { pathNot: ['^$1/src/domain/', '^shared/src/kernel/'] },
  },
  {
    name: 'application-looks-inward',
    from: { path: `${layered}application/`, pathNot: test },
    to: { path: '^$1/', pathNot: '^$1/src/(application|domain)/' },
  },
  {
    name: 'entrances-see-no-infrastructure',
    comment: 'What they need of it is handed to them, through the application, by the composition root.',
    from: { path: `${layered}(http|grpc|consumers|cli)/`, pathNot: [test, compositionRoot] },
    to: { path: '^$1/src/infrastructure/' },
  },
  {
    name: 'infrastructure-implements-ports',
    comment: 'It knows the ports and the domain, not the use cases, and nobody who calls them.',
    from: { path: `${layered}infrastructure/`, pathNot: test },
    to: { path: '^$1/', pathNot: '^$1/src/(infrastructure|domain|application/ports)/' },
  },
  {
    name: 'only-main-sees-the-container',
    comment: 'And tests, which build the same service with other parts.',
    from: { path: service, pathNot: [test, compositionRoot] },
    to: { path: `${service}.*/(container|main)[.]ts$` },
  },
  {
    name: 'drivers-stay-in-infrastructure',
    from: {
      pathNot: [
        '^node_modules/',
        `${layered}(infrastructure/|container[.]ts$)`,
        mechanisms,
        besideTheSystem,
        '/generated/',
        test,
      ],
    },
    to: { path: drivers },
  },
  {
    name: 'generated-clients-stay-in-infrastructure',
    from: { pathNot: [`${layered}(infrastructure/|container[.]ts$)`, besideTheSystem, test] },
    to: { path: '/generated/' },
  },
  {
    name: 'kernel-stands-alone',
    comment: 'Errors, ids, time: what even a domain may use.',
    from: { path: '^shared/src/kernel/', pathNot: test },
    to: { pathNot: ['^shared/src/kernel/', '^node_modules/uuid/'], dependencyTypesNot: ['core'] },
  },
  {
    name: 'contracts-are-plain',
    comment: 'Schemas and names, which every side can read whatever it is made of.',
    from: { path: '^shared/src/contracts/', pathNot: test },
    to: { pathNot: ['^shared/src/(contracts|kernel)/', '^node_modules/zod/'] },
  },
  {
    name: 'no-cycles',
    from: {},
    to: { circular: true },
  },
  {
    name: 'imports-lead-somewhere',
    from: {},
    to: { couldNotResolve: true },
  },
  {
    name: 'packages-are-declared',
    comment:
      'What is deployed has its packages under "dependencies"; types alone may be a development matter.',
    from: { path: deployed, pathNot: test },
    to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], pathNot: '^node_modules/@types/' },
  },
];
