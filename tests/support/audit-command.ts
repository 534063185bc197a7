import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { TestSystem } from './system.ts';

const program = fileURLToPath(new URL('../../auditor/src/main.ts', import.meta.url));

export interface AuditRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `npm run audit:invariants` on a system, as an operator does. */
export function runAudit(
  { orderDatabase, processorDatabase, urls, broker }: TestSystem,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<AuditRun> {
  const addresses = {
    ORDER_DATABASE_URL: orderDatabase.url,
    PROCESSOR_DATABASE_URL: processorDatabase.url,
    PAYMENT_URL: urls.sandbox,
    AMQP_URL: broker.urls.operator,
  };
  const options = { env: { PATH: process.env.PATH, NODE_NO_WARNINGS: '1', ...addresses, ...env } };
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], options, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

export interface AuditReportView {
  readonly invariants: readonly { readonly invariant: string; readonly status: string }[];
  readonly findings: readonly { readonly invariant: string; readonly subject: string }[];
  readonly silent: readonly { readonly witness: string }[];
  readonly counts: { readonly orders: number; readonly messages: number };
}

export function reportOf({ stdout, stderr }: AuditRun): AuditReportView {
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as AuditReportView;
}
