import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ArrowReport, findUnread, inspectArrows } from './dependency-arrows.ts';
import { forbiddenArrows } from './dependency-rules.ts';

const manifest = {
  type: 'module',
  imports: {
    '#shared/*': './shared/src/*',
    '#order-service/*': './order-service/src/*',
    '#processor-service/*': './processor-service/src/*',
    '#scripts/*': './scripts/*',
  },
  dependencies: { pg: '*', zod: '*', pino: '*', '@prisma/client': '*', amqplib: '*', undici: '*' },
  devDependencies: { jest: '*', 'fast-check': '*' },
};

const packages = [
  ...Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }),
  'installed-by-another-package',
];

/** Something to import, in every place that matters. */
const targets = [
  'order-service/src/domain/order.ts',
  'order-service/src/application/place-order.ts',
  'order-service/src/application/ports/order-repository.ts',
  'order-service/src/http/order-routes.ts',
  'order-service/src/infrastructure/postgres/order-repository.ts',
  'order-service/src/infrastructure/postgres/generated/client.ts',
  'order-service/src/container.ts',
  'processor-service/src/domain/saga.ts',
  'shared/src/kernel/errors.ts',
  'shared/src/contracts/topology.ts',
  'shared/src/messaging/publisher.ts',
  'scripts/seed.ts',
];

/** Importing file, what it imports, and the rule that must object. */
const wrong: readonly (readonly [from: string, to: string, rule: string])[] = [
  ['order-service/src/domain/a1.ts', '#processor-service/domain/saga.ts', 'services-never-meet'],
  ['processor-service/src/consumers/a2.ts', '#order-service/domain/order.ts', 'services-never-meet'],
  ['payment-sandbox/src/a3.ts', '#order-service/domain/order.ts', 'services-never-meet'],
  ['shared/src/outbox/a4.ts', '#order-service/domain/order.ts', 'shared-knows-no-service'],
  ['order-service/src/http/a5.ts', '#scripts/seed.ts', 'the-system-needs-nothing-beside-it'],
  ['shared/src/outbox/a6.ts', '#shared/kernel/errors.test.ts', 'the-system-needs-nothing-beside-it'],
  ['order-service/src/domain/b1.ts', '../application/place-order.ts', 'domain-is-pure'],
  ['order-service/src/domain/b2.ts', '#shared/contracts/topology.ts', 'domain-is-pure'],
  ['order-service/src/domain/b3.ts', 'node:crypto', 'domain-is-pure'],
  ['order-service/src/domain/b4.ts', 'zod', 'domain-is-pure'],
  ['order-service/src/application/c1.ts', '../http/order-routes.ts', 'application-looks-inward'],
  [
    'order-service/src/application/ports/c2.ts',
    '../../infrastructure/postgres/order-repository.ts',
    'application-looks-inward',
  ],
  [
    'order-service/src/http/d1.ts',
    '../infrastructure/postgres/order-repository.ts',
    'entrances-see-no-infrastructure',
  ],
  [
    'order-service/src/consumers/d2.ts',
    '../infrastructure/postgres/order-repository.ts',
    'entrances-see-no-infrastructure',
  ],
  [
    'order-service/src/infrastructure/e1.ts',
    '../application/place-order.ts',
    'infrastructure-implements-ports',
  ],
  ['order-service/src/infrastructure/e2.ts', '../http/order-routes.ts', 'infrastructure-implements-ports'],
  ['order-service/src/http/f1.ts', '../container.ts', 'only-main-sees-the-container'],
  ['order-service/src/http/g1.ts', 'pg', 'drivers-stay-in-infrastructure'],
  ['order-service/src/application/g2.ts', '@prisma/client', 'drivers-stay-in-infrastructure'],
  ['payment-sandbox/src/g3.ts', 'amqplib', 'drivers-stay-in-infrastructure'],
  ['shared/src/http/g4.ts', 'undici', 'drivers-stay-in-infrastructure'],
  [
    'order-service/src/config-of-h1.ts',
    './infrastructure/postgres/generated/client.ts',
    'generated-clients-stay-in-infrastructure',
  ],
  ['shared/src/kernel/i1.ts', '#shared/messaging/publisher.ts', 'kernel-stands-alone'],
  ['shared/src/kernel/i2.ts', 'pino', 'kernel-stands-alone'],
  ['shared/src/contracts/j1.ts', '#shared/messaging/publisher.ts', 'contracts-are-plain'],
  ['shared/src/contracts/j2.ts', 'node:crypto', 'contracts-are-plain'],
  ['shared/src/outbox/k1.ts', './k2.ts', 'no-cycles'],
  ['shared/src/outbox/l1.ts', './nowhere.ts', 'imports-lead-somewhere'],
  ['shared/src/http/m1.ts', 'jest', 'packages-are-declared'],
  ['shared/src/http/m2.ts', 'installed-by-another-package', 'packages-are-declared'],
];

/** Imports that must pass; the rules would be easy to keep if they forbade everything. */
const right: readonly (readonly [from: string, to: string])[] = [
  ['order-service/src/domain/r1.ts', '#shared/kernel/errors.ts'],
  ['order-service/src/application/r2.ts', '../domain/order.ts'],
  ['order-service/src/application/r3.ts', '#shared/contracts/topology.ts'],
  ['order-service/src/http/r4.ts', '../application/place-order.ts'],
  ['order-service/src/infrastructure/r5.ts', '../application/ports/order-repository.ts'],
  ['order-service/src/infrastructure/r6.ts', 'pg'],
  ['order-service/src/infrastructure/r7.ts', './postgres/generated/client.ts'],
  ['order-service/src/main.ts', './container.ts'],
  ['order-service/src/domain/r8.test.ts', 'fast-check'],
  ['shared/src/messaging/r9.ts', 'amqplib'],
  ['shared/src/contracts/r10.ts', 'zod'],
  ['shared/src/kernel/r11.ts', 'node:crypto'],
  ['scripts/r12.ts', '@prisma/client'],
  ['shared/src/kernel/errors.test.ts', './errors.ts'],
];

let root: string;
let report: ArrowReport;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'dependency-arrows-'));
  const write = async (file: string, text: string) => {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), text);
  };
  for (const name of packages) {
    await write(
      `node_modules/${name}/package.json`,
      JSON.stringify({ name, type: 'module', main: 'index.js' }),
    );
    await write(`node_modules/${name}/index.js`, 'export {};\n');
  }
  await write('package.json', JSON.stringify(manifest));
  await write('tsconfig.json', '{"compilerOptions":{"module":"nodenext","allowImportingTsExtensions":true}}');
  for (const file of targets) await write(file, 'export interface Thing {}\n');
  await write('shared/src/outbox/k2.ts', "export type * from './k1.ts';\n");
  // Type imports throughout: they vanish at run time and would be the first to be overlooked.
  for (const [from, to] of [...wrong, ...right]) {
    await write(from, `import type { Thing } from '${to}';\nexport type Taken = Thing;\n`);
  }
  report = await inspectArrows(root, [...targets, ...[...wrong, ...right].map(([from]) => from)]);
}, 60_000);

afterAll(() => rm(root, { recursive: true, force: true }));

describe('the dependency arrows', () => {
  it.each(wrong)('%s may not import %s (%s)', (from, _to, rule) => {
    expect(rulesBrokenBy(from)).toContain(rule);
  });

  it.each(right)('%s may import %s', (from) => {
    expect(rulesBrokenBy(from)).toEqual([]);
  });

  it('are each broken by at least one example above', () => {
    const covered = new Set(wrong.map(([, , rule]) => rule));
    expect(forbiddenArrows.map(({ name }) => name).filter((name) => !covered.has(name))).toEqual([]);
  });

  it('are held on files that were all read', () => {
    expect(report.unread).toEqual([]);
  });

  it('notice a file that the reader passed over, and one in which it overlooked the imports', async () => {
    const files = ['order-service/src/domain/r1.ts', 'order-service/src/application/r2.ts'];
    const blind = { modules: [{ source: 'order-service/src/domain/r1.ts', dependencies: [] }] };
    expect(await findUnread(root, files, blind)).toEqual(files);
  });
});

function rulesBrokenBy(file: string): string[] {
  return report.violations.filter(({ from }) => from === file).map(({ rule }) => rule.name);
}
