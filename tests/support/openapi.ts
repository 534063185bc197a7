/** A schema as JSON has it. */
type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * The OpenAPI document that a service serves, with every component in the place where it is referred to: for tests that
 * want to know what is meant, and not how it is written down.
 */
export async function openApiOf<Document>(url: string): Promise<Document> {
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as Json;
  return resolve(document, document) as Document;
}

function resolve(node: Json, document: Json): Json {
  if (node === null || typeof node !== 'object') return node;
  if (Array.isArray(node)) return node.map((each) => resolve(each, document));
  const { $ref: reference } = node as { readonly $ref?: Json };
  if (typeof reference === 'string') return resolve(followed(reference, document), document);
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, resolve(value, document)]));
}

/** @throws Error for what the document does not contain. */
function followed(reference: string, document: Json): Json {
  const keys = reference.replace(/^#\//, '').split('/');
  const found = keys.reduce<Json | undefined>(
    (node, key) => (node as { readonly [key: string]: Json } | undefined)?.[key],
    document,
  );
  if (found === undefined) throw new Error(`the document has no ${reference}`);
  return found;
}
