/** The JSON Schema of configs of arclet fit: today's keys, and the spellings of tract7dt 0.6.0, which load as well and are marked deprecated. */
import { FIT_ALIASES, FitFileSchema } from '../src/pipelines/photometry/config.ts';
import { jsonSchemaOf } from '../src/pipelines/schema.ts';

interface Node {
  properties?: Record<string, Node>;
  default?: unknown;
  description?: string;
  deprecated?: boolean;
}

/** The node of a dotted path. */
const nodeAt = (root: Node, path: readonly string[]): Node | undefined =>
  path.reduce<Node | undefined>((node, key) => node?.properties?.[key], root);

export function fitJsonSchema(): Node {
  const schema = structuredClone(jsonSchemaOf(FitFileSchema)) as Node;
  for (const [alias, key] of Object.entries(FIT_ALIASES)) {
    const path = alias.split('.');
    const name = path.pop() as string;
    const section = nodeAt(schema, path);
    if (section === undefined) throw new Error(`${alias} is in no section of the schema`);
    // What it is set to is today's key's value; a default would be told twice.
    const { default: _, ...today } = (key === null ? undefined : nodeAt(schema, key.split('.'))) ?? {};
    const description = key === null ? 'tract7dt 0.6.0: without effect' : `tract7dt 0.6.0: now ${key}`;
    section.properties = { ...section.properties, [name]: { ...today, description, deprecated: true } };
  }
  return schema;
}
