// Native ES modules: run with NODE_OPTIONS=--experimental-vm-modules (npm test does).
const base = {
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2024', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
  modulePathIgnorePatterns: ['<rootDir>/.local/'],
};

/**
 * Tests that need PostgreSQL and RabbitMQ share one of each; every file gets databases and a broker of its own. The
 * set-up is .mts because Jest tries require() on anything else first, which modules that await cannot bear.
 */
const onInfrastructure = {
  ...base,
  globalSetup: '<rootDir>/tests/support/global-setup.mts',
  globalTeardown: '<rootDir>/tests/support/global-teardown.mts',
};

export default {
  projects: [
    {
      ...base,
      displayName: 'unit',
      roots: [
        '<rootDir>/order-service',
        '<rootDir>/processor-service',
        '<rootDir>/payment-sandbox',
        '<rootDir>/auditor',
        '<rootDir>/shared',
        '<rootDir>/rabbitmq',
        '<rootDir>/scripts',
        '<rootDir>/bench',
      ],
      testMatch: ['**/*.test.ts'],
    },
    {
      ...onInfrastructure,
      displayName: 'integration',
      testMatch: ['<rootDir>/tests/integration/**/*.test.ts'],
    },
    { ...onInfrastructure, displayName: 'e2e', testMatch: ['<rootDir>/tests/e2e/**/*.test.ts'] },
    { ...onInfrastructure, displayName: 'crash', testMatch: ['<rootDir>/tests/crash/**/*.test.ts'] },
  ],
  maxWorkers: 2,
  testTimeout: 60_000,
};
