import { z } from 'zod';
import type { Forced, ScenarioPlayer } from '../scenario-player.ts';
import { OPERATIONS, type Scenario, scenarioNamed, scenarioNames } from '../scenarios.ts';
import { problemResponse } from './problem.ts';
import type { SandboxApp } from './sandbox-app.ts';

const forceSchema = z.object({
  scenario: z.enum(scenarioNames),
  remaining: z.int().positive().optional().describe('For so many calls; left out: until it is lifted'),
  operations: z.array(z.enum(OPERATIONS)).min(1).optional().describe('Only for these calls'),
});

const stageSchema = z.object({
  scenario: z.enum(scenarioNames).nullable().describe('null: nothing is forced'),
  remaining: z.int().positive().nullable(),
  operations: z.array(z.enum(OPERATIONS)).nullable(),
  held: z.int().nonnegative().describe('Calls that wait for a release'),
});

/** The tester's side: what is to go wrong from now on. */
export function scenarioRoutes(app: SandboxApp, { player }: { player: ScenarioPlayer }): void {
  const stage = (): z.output<typeof stageSchema> => ({ ...describe(player.forced()), held: player.held() });

  app.get(
    '/scenario',
    { schema: { summary: 'What is forced at the moment', response: { 200: stageSchema } } },
    async () => stage(),
  );

  app.put(
    '/scenario',
    {
      schema: {
        summary: 'Force a scenario on every call that it disturbs, whatever the call asks for',
        body: forceSchema,
        response: { 200: stageSchema, 400: problemResponse('The request is not valid') },
      },
    },
    async ({ body }) => {
      player.force({
        scenario: scenarioNamed(body.scenario) as Scenario,
        remaining: body.remaining ?? null,
        operations: body.operations ?? null,
      });
      return stage();
    },
  );

  app.delete(
    '/scenario',
    { schema: { summary: 'Lift the forced scenario', response: { 204: z.undefined() } } },
    async (_request, reply) => {
      player.lift();
      return reply.code(204).send();
    },
  );

  app.post(
    '/scenario/release',
    {
      schema: {
        summary: 'Let every held call go on',
        response: { 200: z.object({ released: z.int().nonnegative() }) },
      },
    },
    async () => ({ released: player.release() }),
  );
}

function describe(forced: Forced | null) {
  if (forced === null) return { scenario: null, remaining: null, operations: null };
  const { scenario, remaining, operations } = forced;
  return { scenario: scenario.name, remaining, operations: operations && [...operations] };
}
