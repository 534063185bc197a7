import { recordAcceptStatement } from './accept-statement.ts';
import { runCallers } from './callers.ts';
import { findPgbench, runPgbench } from './pgbench.ts';

/** The measure of this machine: how often PostgreSQL alone can do what accepting an order asks of it. */
export interface Reference {
  /** What runs the statement. */
  readonly how: string;
  /** Runs it for a while and gives the statements per second. */
  measure(seconds: number): Promise<number>;
}

const clients = 32;

/** Chooses pgbench if it is on the PATH, otherwise as many callers through `pg`. */
export async function createReference(options: { url: string; scriptFile: string }): Promise<Reference> {
  const { url, scriptFile } = options;
  const statement = await recordAcceptStatement();
  const pgbench = await findPgbench();
  return pgbench === undefined
    ? {
        how: `pg, ${clients} callers, prepared`,
        measure: (seconds) => runCallers({ url, statement, clients, seconds }),
      }
    : {
        how: `pgbench ${pgbench}, ${clients} clients, prepared`,
        measure: (seconds) => runPgbench({ url, statement, scriptFile, clients, seconds }),
      };
}
