/** Writes the JSON Schema of every file that people write to configs/schema/, and the key tables of docs/inject.md and docs/photometry.md, from the zod schema that checks it. */
import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { writeFileAtomic } from '../src/io/atomic.ts';
import { BankConfigSchema } from '../src/pipelines/injection/bank/config.ts';
import { INJECT_ALIASES, InjectConfigSchema } from '../src/pipelines/injection/config.ts';
import { BANK_SPEC } from '../src/pipelines/injection/load-bank-config.ts';
import { RowsSchema } from '../src/pipelines/injection/rows.ts';
import { jsonSchemaOf } from '../src/pipelines/schema.ts';
import { withConfigRows } from './config-rows.ts';
import { withFitRows } from './fit-rows.ts';
import { fitJsonSchema } from './fit-schema.ts';

const SCHEMAS: Record<string, { schema: z.ZodType; aliases?: Readonly<Record<string, string>> }> = {
  rows: { schema: RowsSchema },
  bank: { schema: BankConfigSchema, aliases: BANK_SPEC.aliases },
  inject: { schema: InjectConfigSchema, aliases: INJECT_ALIASES },
};

for (const [name, { schema, aliases = {} }] of Object.entries(SCHEMAS)) {
  const json = { title: `arclet ${name} file`, ...jsonSchemaOf(schema) };
  for (const [alias, key] of Object.entries(aliases))
    json.properties = { ...json.properties, [alias]: { ...Object(json.properties?.[key]), description: `other name of ${key}` } };
  await writeFileAtomic(`configs/schema/${name}.schema.json`, `${JSON.stringify(json, null, 2)}\n`);
}

const fit = { title: 'arclet fit file', ...fitJsonSchema() };
await writeFileAtomic('configs/schema/fit.schema.json', `${JSON.stringify(fit, null, 2)}\n`);

await writeFileAtomic('docs/inject.md', withConfigRows(await readFile('docs/inject.md', 'utf8')));
await writeFileAtomic('docs/photometry.md', withFitRows(await readFile('docs/photometry.md', 'utf8')));
