/** A fair sample of a dataset's rows, the same in every run: those whose task id, a hash itself, is small. */
import type { Dataset } from '../../dataset.ts';
import { openDataset } from '../../dataset.ts';
import type { TaskValue } from '../columns.ts';

export type SampledRow = Readonly<Record<string, TaskValue>>;

/** Rows of all parts, from their footers. */
async function countRows(dataset: Dataset): Promise<number> {
  let rows = 0;
  for (const part of dataset.parts) rows += await dataset.withPart(part, async (table) => table.rows);
  return rows;
}

/** Bits of a task id that are compared. */
const HEX_DIGITS = 12;

/** About `wanted` rows (all when there are fewer) with the named columns; those that the parts lack are left out. */
export async function sampleRows(
  location: string,
  columns: readonly string[],
  wanted: number,
): Promise<{ total: number; rows: SampledRow[] }> {
  const dataset = await openDataset(location);
  try {
    const total = await countRows(dataset);
    const limit = total <= wanted ? Number.POSITIVE_INFINITY : (wanted / total) * 16 ** HEX_DIGITS;
    const rows: SampledRow[] = [];
    for await (const batch of dataset.batches(['task_id', ...columns.filter((name) => name !== 'task_id')], { lenient: true })) {
      const names = Object.keys(batch.columns);
      const ids = batch.columns['task_id'] as readonly string[];
      for (let row = 0; row < batch.rows; row++) {
        if (Number.parseInt(ids[row].slice(0, HEX_DIGITS), 16) >= limit) continue;
        rows.push(Object.fromEntries(names.map((name) => [name, (batch.columns[name] as ArrayLike<TaskValue>)[row]])));
      }
    }
    return { total, rows };
  } finally {
    await dataset.close();
  }
}
