import { z } from 'zod';
import type { Ledger } from '../ledger.ts';
import type { ScenarioPlayer, Staging } from '../scenario-player.ts';
import { type Operation, scenarioNamed, scenarioNames } from '../scenarios.ts';

/** The header by which a call asks for a scenario. */
export const scenarioHeader = { 'x-sandbox-scenario': z.enum(scenarioNames).optional() };
export const scenarioHeaderSchema = z.object(scenarioHeader);

/**
 * Does the work of one call the way its scenario has it, if it has one, and answers only after everything decided is in
 * the ledger: also a refusal, also what another call has just decided and this one has seen.
 */
export type Performer = <T>(
  call: {
    operation: Operation;
    key: string;
    headers: { 'x-sandbox-scenario'?: string | undefined };
    amountMinor?: number | undefined;
  },
  work: (staging: Staging) => T | Promise<T>,
) => Promise<T>;

export function createPerformer({ ledger, player }: { ledger: Ledger; player: ScenarioPlayer }): Performer {
  return async ({ operation, key, headers, amountMinor }, work) => {
    const act = async (staging: Staging) => {
      try {
        return await work(staging);
      } finally {
        await ledger.durable();
      }
    };
    const name = headers['x-sandbox-scenario'];
    const wanted = name === undefined ? undefined : scenarioNamed(name);
    const scenario = player.choose({ operation, key, wanted, amountMinor });
    return scenario === undefined ? act({}) : player.play(scenario, act);
  };
}
