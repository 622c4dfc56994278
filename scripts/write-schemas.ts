/** Writes the JSON Schema of every file that people write to configs/schema/, from the zod schema that checks it. */
import { z } from 'zod';
import { writeFileAtomic } from '../src/io/atomic.ts';
import { RowsSchema } from '../src/pipelines/injection/rows.ts';

const SCHEMAS = { rows: RowsSchema };

for (const [name, schema] of Object.entries(SCHEMAS)) {
  const json = { title: `arclet ${name} file`, ...z.toJSONSchema(schema, { io: 'input' }) };
  await writeFileAtomic(`configs/schema/${name}.schema.json`, `${JSON.stringify(json, null, 2)}\n`);
}
