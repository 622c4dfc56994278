/** The keys of a schema with types, units and defaults, for --help: the same schema that checks the file. */
import type { z } from 'zod';
import { jsonSchemaOf } from '../pipelines/schema.ts';

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | false;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly oneOf?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
}

/** One line per key, indented below the key it belongs to; variants of an object by their model. */
export function keyTable(schema: z.ZodType): string {
  return lines(jsonSchemaOf(schema) as JsonSchema, '  ').join('\n');
}

function lines(schema: JsonSchema, indent: string): string[] {
  const variants = schema.oneOf ?? schema.anyOf?.filter(({ type }) => type !== 'null') ?? [];
  if (variants.length > 0 && variants.every(({ properties }) => properties?.['model'] !== undefined)) {
    return variants.flatMap((variant) => [
      `${indent}with model ${String(variant.properties?.['model'].const)}:`,
      ...keys(variant, `${indent}  `, 'model'),
    ]);
  }
  if (schema.properties !== undefined) return keys(schema, indent);
  const inner = schema.items ?? (schema.additionalProperties || undefined) ?? variants[0];
  return inner === undefined ? [] : lines(inner, indent);
}

function keys(schema: JsonSchema, indent: string, skip?: string): string[] {
  return Object.entries(schema.properties ?? {})
    .filter(([key]) => key !== skip)
    .flatMap(([key, value]) => [
      describe(key, value, schema.required?.includes(key) === true, indent),
      ...lines(value, `${indent}  `),
    ]);
}

function describe(key: string, schema: JsonSchema, required: boolean, indent: string): string {
  const choices = (schema.enum ?? schema.items?.enum)?.map((choice) => JSON.stringify(choice)).join(' | ');
  const state = schema.default !== undefined ? `default ${JSON.stringify(schema.default)}` : required ? 'required' : 'optional';
  const what = [schema.description, choices].filter(Boolean).join('; ');
  return `${(indent + key).padEnd(30)} ${state}${what === '' ? '' : `; ${what}`}`;
}
