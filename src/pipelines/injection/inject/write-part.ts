/** Writes one part: its metrics and, unless only those are wanted, its stamps with the same columns beside the pixels. */

import { npzBytes } from '../../../io/npz.ts';
import { openParquetWriter, type ParquetTableWriter } from '../../../io/parquet.ts';
import { openStore, type Store } from '../../../io/store/store.ts';
import type { ColumnSchema, ColumnValues, TableBatch, TableSchema } from '../../../io/table.ts';
import { metricsColumns, PLANES, type PlaneName } from '../columns.ts';
import { datasetFolder, type LayoutConfig, partName } from '../layout.ts';
import type { InjectedRow } from './injector.ts';
import { taskKey } from './injector.ts';
import { BRICKS_KEY, HASH_KEY, INPUTS_KEY, LIMIT_KEY, type Part, type PartOrigin } from './parts.ts';
import { addArc, shuffleAzimuth } from './planes.ts';
import type { Recipe } from './recipe.ts';

export interface PartWriterOptions {
  readonly config: LayoutConfig;
  readonly recipe: Recipe;
  readonly stampFormat: 'columns' | 'npz';
  readonly origin: PartOrigin;
  readonly version: string;
}

/** A part being written. Nothing of it is visible before `finish`. */
export interface PartWriter {
  write(rows: readonly InjectedRow[]): Promise<void>;
  /** Stamps appear before metrics: a part whose metrics are there is whole. */
  finish(): Promise<{ bytes: number }>;
  abort(): Promise<void>;
}

/** Opens the files of a part whose pixels come from these `bricks`, identities by name. Throws OUTPUT_UNWRITABLE. */
export async function openPartWriter(
  options: PartWriterOptions,
  part: Part,
  bricks: Readonly<Record<string, string>>,
): Promise<PartWriter> {
  const size = part.stampSize;
  const { config, recipe, stampFormat, origin, version } = options;
  const metadata = {
    [HASH_KEY]: origin.configHash,
    [INPUTS_KEY]: origin.inputsHash,
    ...(origin.testLimit > 0 ? { [LIMIT_KEY]: String(origin.testLimit) } : {}),
    [BRICKS_KEY]: JSON.stringify(bricks),
    arclet_version: version,
    experiment_id: part.experimentId,
    region_split: part.split,
    part: String(part.number),
    bands: recipe.bands.join(','),
    pixscale_arcsec: String(recipe.pixscaleArcsec),
  };
  // The folder says the split: readers of Hive partitions refuse a column that is in the files as well.
  const scalars = metricsColumns(recipe.bands).filter(({ name }) => name !== 'region_split');
  const open = async (dataset: 'stamps' | 'metrics', columns: readonly ColumnSchema[]) => {
    const store = await openStore(datasetFolder(config, dataset, part.experimentId));
    const schema: TableSchema = { columns, metadata };
    return { store, writer: openParquetWriter(await store.sink(partName(part.split, part.number)), schema) };
  };
  const opened: { store: Store; writer: ParquetTableWriter }[] = [];
  const metrics = await open('metrics', scalars);
  opened.push(metrics);
  const pixelColumns = recipe.metricsOnly ? [] : stampColumns(recipe, stampFormat, size);
  const stamps = recipe.metricsOnly ? undefined : await open('stamps', [...scalars, ...pixelColumns]);
  if (stamps !== undefined) opened.push(stamps);
  const close = () => Promise.all(opened.map(({ store }) => store.close()));

  return {
    async write(rows) {
      const columns = scalarColumns(
        rows,
        scalars.map(({ name }) => name),
      );
      await metrics.writer.write({ rows: rows.length, columns });
      if (stamps === undefined) return;
      const pixels = stampFormat === 'npz' ? npzColumn(recipe, rows, size) : planeColumns(recipe, rows, size);
      const batch: TableBatch = { rows: rows.length, columns: { ...columns, ...pixels } };
      await stamps.writer.write(batch);
    },
    async finish() {
      let bytes = 0;
      if (stamps !== undefined) bytes += (await stamps.writer.finish()).bytes;
      bytes += (await metrics.writer.finish()).bytes;
      await close();
      return { bytes };
    },
    async abort() {
      for (const { writer } of opened) await writer.abort();
      await close();
    },
  };
}

function stampColumns(recipe: Recipe, format: 'columns' | 'npz', size: number): ColumnSchema[] {
  if (format === 'npz') {
    const arrays = recipe.planes.flatMap((plane) => recipe.bands.map((band) => `${PLANES[plane]}_${band}`)).join(', ');
    return [
      { name: 'stamp_npz', type: 'bytes', nullable: true, description: `npz of float32 [y, x] arrays ${arrays}, nanomaggies` },
    ];
  }
  return recipe.planes.flatMap((plane) =>
    recipe.bands.map(
      (band): ColumnSchema => ({
        name: `${PLANES[plane]}_${band}`,
        type: 'stamp',
        shape: [size, size],
        unit: 'nanomaggy',
        description: DESCRIPTIONS[plane],
      }),
    ),
  );
}

const DESCRIPTIONS: Readonly<Record<PlaneName, string>> = {
  injected: 'survey pixels with the arc',
  host: 'survey pixels as they are',
  arc: 'the arc alone',
  unlensed: 'survey pixels with the source as it would be without the lens',
  shuffled: 'survey pixels with the arc at random azimuths',
};

function scalarColumns(rows: readonly InjectedRow[], names: readonly string[]): Record<string, ColumnValues> {
  return Object.fromEntries(names.map((name) => [name, rows.map(({ metrics }) => metrics[name] ?? null)]));
}

/** One plane of one row, [band, y, x]; NaN where the brick could not be read, so that nobody takes it for sky. */
export function fillPlane(recipe: Recipe, plane: PlaneName, row: InjectedRow, size: number, out: Float32Array): void {
  const { cut, arc, unlensed } = row;
  if (plane === 'arc') {
    if (arc === undefined) out.fill(cut.failed === undefined ? 0 : Number.NaN);
    else out.set(arc.arc);
    return;
  }
  if (cut.failed !== undefined) {
    out.fill(Number.NaN);
    return;
  }
  if (plane === 'shuffled' && arc !== undefined) {
    const x = cut.hostX + Number(cut.task['lens_x_arcsec']) / recipe.pixscaleArcsec;
    const y = cut.hostY + Number(cut.task['lens_y_arcsec']) / recipe.pixscaleArcsec;
    const shuffled = shuffleAzimuth(arc.arc, { bands: recipe.bands.length, size, x, y, key: taskKey(cut.task) });
    addArc(cut.image, shuffled, out);
    return;
  }
  addArc(cut.image, plane === 'injected' ? arc?.arc : plane === 'unlensed' ? unlensed?.arc : undefined, out);
}

function planeColumns(recipe: Recipe, rows: readonly InjectedRow[], size: number): Record<string, ColumnValues> {
  const pixels = size * size;
  const columns: Record<string, Float32Array> = {};
  const cube = new Float32Array(recipe.bands.length * pixels);
  for (const plane of recipe.planes) {
    const bands = recipe.bands.map((band) => {
      const column = new Float32Array(rows.length * pixels);
      columns[`${PLANES[plane]}_${band}`] = column;
      return column;
    });
    rows.forEach((row, index) => {
      fillPlane(recipe, plane, row, size, cube);
      bands.forEach((column, band) => {
        column.set(cube.subarray(band * pixels, (band + 1) * pixels), index * pixels);
      });
    });
  }
  return columns;
}

/** The originals' way: one compressed archive per row; null where there are no pixels. */
function npzColumn(recipe: Recipe, rows: readonly InjectedRow[], size: number): Record<string, ColumnValues> {
  const archives = rows.map((row) => {
    if (row.cut.failed !== undefined) return null;
    const arrays = recipe.planes.flatMap((plane) => {
      const cube = new Float32Array(recipe.bands.length * size * size);
      fillPlane(recipe, plane, row, size, cube);
      return recipe.bands.map((band, index) => {
        const data = cube.subarray(index * size * size, (index + 1) * size * size);
        return [`${PLANES[plane]}_${band}`, { data, shape: [size, size] }] as const;
      });
    });
    return npzBytes(row.cut.task.task_id, Object.fromEntries(arrays), { compress: true });
  });
  return { stamp_npz: archives };
}
