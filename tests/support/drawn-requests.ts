import fc from 'fast-check';
import type { z } from 'zod';
import { hostileValues, hostileVariants, withHostilePart } from './hostile-values.ts';

type JsonSchema = Parameters<typeof z.fromJSONSchema>[0] & Record<string, unknown>;

/** What an OpenAPI document says about one method of one path. */
export interface Operation {
  readonly parameters?: readonly { name: string; in: 'path' | 'query' | 'header'; schema: JsonSchema }[];
  readonly requestBody?: { content: Record<string, { schema: JsonSchema }> };
  readonly responses: Record<string, { content?: Record<string, { schema: JsonSchema }> }>;
}

/** What is sent to an operation: values by the name of their parameter, and the body. */
export interface DrawnRequest {
  readonly path: Record<string, unknown>;
  readonly query: Record<string, unknown>;
  readonly header: Record<string, unknown>;
  readonly body: unknown;
}

const strange: fc.Arbitrary<unknown> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom(...hostileValues),
  fc.jsonValue({ maxDepth: 3 }),
);

/**
 * Draws requests as the schemas of an operation ask for them.
 *
 * @param things.ids of things that are there
 * @param things.url that may be subscribed
 */
export function requestsTo(operation: Operation, things: { ids: readonly string[]; url: string }) {
  return {
    /** Mostly what the schemas ask for, so that requests get past the first check; here and there something else. */
    various: () => requests(operation, { ...things, isComplete: false }),
    /** One that has everything, with each part of it in turn, however deep, replaced by each of the hostile values. */
    hostile(): readonly DrawnRequest[] {
      const complete = requests(operation, { ...things, isComplete: true });
      return fc.sample(complete, { numRuns: 1, seed: 1 }).flatMap((request) => [
        ...withHostilePart(request.path).map((path) => ({ ...request, path })),
        ...withHostilePart(request.query).map((query) => ({ ...request, query })),
        ...withHostilePart(request.header).map((header) => ({ ...request, header })),
        ...(operation.requestBody ? hostileVariants(request.body) : []).map((body) => ({
          ...request,
          body,
        })),
      ]);
    },
  };
}

/** @param options.isComplete whether everything that may be there is, and nothing that is not asked for */
function requests(
  operation: Operation,
  options: { ids: readonly string[]; url: string; isComplete: boolean },
): fc.Arbitrary<DrawnRequest> {
  const { ids, url, isComplete } = options;
  const oddity = isComplete ? 0 : 1;

  function valueOf(schema: JsonSchema): fc.Arbitrary<unknown> {
    return fc.oneof({ weight: 12, arbitrary: valid(schema) }, { weight: oddity, arbitrary: strange });
  }

  function valid(schema: JsonSchema): fc.Arbitrary<unknown> {
    const { anyOf, oneOf, type, format, pattern } = schema as {
      [key: string]: unknown;
      anyOf?: JsonSchema[];
      oneOf?: JsonSchema[];
    };
    if ('const' in schema) return fc.constant(schema['const']);
    if (Array.isArray(schema['enum'])) return fc.constantFrom(...(schema['enum'] as unknown[]));
    const choices = anyOf ?? oneOf;
    // What may be absent has `null` as its last choice.
    if (choices) return fc.oneof(...choices.slice(0, isComplete ? 1 : undefined).map(valueOf));
    switch (type) {
      case 'null':
        return fc.constant(null);
      case 'boolean':
        return fc.boolean();
      case 'integer':
      case 'number': {
        const min = Math.max(Number(schema['minimum'] ?? schema['exclusiveMinimum'] ?? 0), -1_000_000);
        const max = Math.min(Number(schema['maximum'] ?? 1_000), 1_000_000);
        return fc.integer({ min, max: Math.max(min, max) });
      }
      case 'array': {
        const { items = {}, minItems = 0 } = schema as { items?: JsonSchema; minItems?: number };
        const minLength = isComplete ? Math.max(minItems, 1) : minItems;
        return fc.array(valueOf(items), { minLength, maxLength: minLength + 2 });
      }
      case 'object':
        return objectOf(schema);
      case 'string':
        if (format === 'uuid') return fc.oneof(fc.constantFrom(...ids), fc.uuid());
        if (format === 'uri') return fc.constant(url);
        if (format === 'date-time') return fc.date({ noInvalidDate: true }).map((date) => date.toISOString());
        if (pattern === '^[A-Z]{3}$') return fc.constantFrom('EUR', 'USD');
        return fc.oneof(fc.constantFrom('SKU-001', 'a', ...ids), fc.string({ minLength: 1, maxLength: 20 }));
      default:
        return strange;
    }
  }

  function objectOf(schema: JsonSchema): fc.Arbitrary<unknown> {
    const { properties = {}, required = [] } = schema as {
      properties?: Record<string, JsonSchema>;
      required?: string[];
    };
    const values = Object.entries(properties).map(([name, property]) => [name, valueOf(property)]);
    const everything: Record<string, fc.Arbitrary<unknown>> = Object.fromEntries(values);
    const known = fc.record(everything, isComplete ? {} : { requiredKeys: required });
    const unknown = fc.dictionary(fc.string({ maxLength: 5 }), strange, { maxKeys: 1 });
    const more = fc.tuple(known, unknown).map(([one, other]) => ({ ...one, ...other }));
    return fc.oneof({ weight: 9, arbitrary: known }, { weight: oddity, arbitrary: more });
  }

  function parametersIn(place: 'path' | 'query' | 'header'): fc.Arbitrary<Record<string, unknown>> {
    const found = (operation.parameters ?? []).filter((parameter) => parameter.in === place);
    const values = Object.fromEntries(found.map(({ name, schema }) => [name, valueOf(schema)]));
    return fc.record(values, place === 'path' || isComplete ? {} : { requiredKeys: [] });
  }

  const body = operation.requestBody?.content['application/json']?.schema;
  return fc.record({
    path: parametersIn('path'),
    query: parametersIn('query'),
    header: parametersIn('header'),
    body: body ? valueOf(body) : fc.constant(undefined),
  });
}
