/** Rows of metrics for tests: a sound injection or control with what a test changes, written as a campaign writes them; and what completeness makes of them. */
import { readFile } from 'node:fs/promises';
import { openParquetWriter } from '../../../src/io/parquet.ts';
import { openStore } from '../../../src/io/store/store.ts';
import type { ColumnSchema, ColumnValues, TableBatch, TableSchema } from '../../../src/io/table.ts';
import { tableHead } from '../../../src/pipelines/files/table-convert.ts';
import { metricsColumns, type TaskValue } from '../../../src/pipelines/injection/columns.ts';
import { type InjectConfig, InjectConfigSchema } from '../../../src/pipelines/injection/config.ts';
import type { StageContext } from '../../../src/pipelines/stage.ts';

export type MetricsRow = Readonly<Record<string, TaskValue | boolean>>;

export const BANDS = ['g', 'r', 'z'];
const COLUMNS = metricsColumns(BANDS);
const ZERO = { string: '', int32: 0, int64: 0n, float64: 0 } as const;

/** A recovered, clean injection: theta_E 1.2" over a PSF of 1.2", arc_snr 20. */
export function injection(id: string, change: MetricsRow = {}): MetricsRow {
  const empty = Object.fromEntries(
    COLUMNS.map(({ name, type, nullable }) => [name, nullable ? null : ZERO[type as keyof typeof ZERO]]),
  );
  return {
    ...empty,
    task_id: id,
    experiment_id: 'exp',
    selection_set_id: 'all',
    region_id: 1,
    region_split: 'train',
    brickname: '0591m305',
    lens_model: 'SIE',
    theta_e_arcsec: 1.2,
    src_dmag: 1,
    src_reff_arcsec: 0.15,
    rmag: 19,
    src_mag_r: 20,
    psfsize_r: 1.35,
    psfdepth_r: 24.1,
    psf_fwhm_used_r: 1.2,
    psf_source_g: 0,
    psf_source_r: 0,
    psf_source_z: 1,
    cutout_ok: 1,
    arc_snr: 20,
    bad_pixel_frac: 0,
    wise_brightmask_frac: 0,
    cross_section_weight: 1,
    is_control: 0,
    ...change,
  };
}

export function control(id: string, change: MetricsRow = {}): MetricsRow {
  const nothing = { theta_e_arcsec: 0, arc_snr: null, psf_fwhm_used_r: null, psf_source_r: null, src_mag_r: null };
  return injection(id, { lens_model: 'CONTROL', is_control: 1, ...nothing, ...change });
}

function columnOf({ type }: ColumnSchema, values: readonly unknown[]): ColumnValues {
  return type === 'stamp' ? Float32Array.from(values.flatMap((value) => [...(value as Float32Array)])) : (values as ColumnValues);
}

export function batchOf(columns: readonly ColumnSchema[], rows: readonly Readonly<Record<string, unknown>>[]): TableBatch {
  const values = columns.map((column) => [column.name, columnOf(column, rows.map((row) => row[column.name] ?? null))] as const); // biome-ignore format: one line a column
  return { rows: rows.length, columns: Object.fromEntries(values) };
}

/** Writes one part whose row groups are `groups`. */
export async function writePart(
  location: string,
  key: string,
  schema: TableSchema,
  groups: readonly (readonly Readonly<Record<string, unknown>>[])[],
): Promise<void> {
  const store = await openStore(location);
  const writer = openParquetWriter(await store.sink(key), schema);
  for (const rows of groups) await writer.write(batchOf(schema.columns, rows));
  await writer.finish();
  await store.close();
}

/** Metrics below `<output>/phase4c/v1/metrics/<experiment>`, a part per split with row groups of at most `groupRows` rows. */
export async function writeMetrics(
  output: string,
  rows: readonly MetricsRow[],
  { experiment = 'exp', extra = [] as ColumnSchema[], without = [] as string[], groupRows = 7 } = {},
): Promise<void> {
  const columns = [...COLUMNS.filter(({ name }) => !without.includes(name)), ...extra];
  const splits = new Set(rows.map((row) => row['region_split'] as string));
  let part = 0;
  for (const split of splits) {
    const own = rows.filter((row) => row['region_split'] === split);
    const groups = Array.from({ length: Math.ceil(own.length / groupRows) }, (_, at) => own.slice(at * groupRows, (at + 1) * groupRows)); // biome-ignore format: one line
    const key = `region_split=${split}/part-${String(part++).padStart(5, '0')}.parquet`;
    await writePart(`${output}/phase4c/v1/metrics/${experiment}`, key, { columns, metadata: { config_hash: 'c0ffee' } }, groups);
  }
}

export function configOf(output: string, change: Readonly<Record<string, unknown>> = {}): InjectConfig {
  return InjectConfigSchema.parse({ output, ...change });
}

/** A context without an engine; notes and progress are kept. */
export function contextOf(change: Partial<StageContext> = {}): StageContext & { notes: Record<string, unknown>[] } {
  const notes: Record<string, unknown>[] = [];
  return {
    notes,
    signal: new AbortController().signal,
    log: { info: () => undefined, progress: () => undefined },
    version: '0.0.0',
    shard: { index: 0, count: 1 },
    force: false,
    record: { configHash: 'c0ffee', current: {}, note: async (facts) => void notes.push({ ...facts }) },
    engine: () => Promise.reject(new Error('no engine here')),
    ...change,
  };
}

const results = (output: string, experiment: string) => `${output}/phase4d/v1/${experiment}`;

/** Rows of a table of the results, by column. */
export async function readResult(output: string, name: string, experiment = 'exp'): Promise<Record<string, unknown>[]> {
  const { columns, rows } = await tableHead(`${results(output, experiment)}/${name}.parquet`, 1e6, {});
  return rows.map((row) => Object.fromEntries(row.map((cell, index) => [columns[index].name, cell])));
}

/** completeness.json. */
export async function readSummary(output: string, experiment = 'exp') {
  return JSON.parse(await readFile(`${results(output, experiment)}/completeness.json`, 'utf8'));
}
