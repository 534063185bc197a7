import type { SwaggerTransformObject } from '@fastify/swagger';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';

/**
 * How zod schemas come into the OpenAPI document: those with an `id` among their metadata once, as a component of that
 * name, from where generated clients take the names of their types; all others where they are used.
 */
export const zodInOpenApi = { transform: jsonSchemaTransform, transformObject: withComponents };

/** The provider describes each named schema as input and as output, and most of them are only one. */
function withComponents(document: Parameters<SwaggerTransformObject>[0]) {
  const described = jsonSchemaTransformObject(document);
  const schemas = ('components' in described && described.components?.schemas) || {};
  for (;;) {
    const text = JSON.stringify(described);
    const unused = Object.keys(schemas).filter((name) => !text.includes(`"#/components/schemas/${name}"`));
    if (unused.length === 0) return described;
    for (const name of unused) delete schemas[name];
  }
}
