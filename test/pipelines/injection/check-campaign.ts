/** A small campaign as its files: sound as it comes, and with one fault where a test puts one. */
import { PhiloxStream, philoxKey } from '../../../src/core/rng.ts';
import { openParquetWriter } from '../../../src/io/parquet.ts';
import { openStore } from '../../../src/io/store/store.ts';
import type { ColumnSchema, ColumnValues } from '../../../src/io/table.ts';
import { MANIFEST_COLUMNS, metricsColumns } from '../../../src/pipelines/injection/columns.ts';
import { InjectConfigSchema } from '../../../src/pipelines/injection/config.ts';
import { datasetFolder, manifestFolder, partName } from '../../../src/pipelines/injection/layout.ts';
import type { StageContext } from '../../../src/pipelines/stage.ts';
import { fluxFromMagnitude } from '../../../src/sky/photometry.ts';

export const EXPERIMENT = 'train_stamp64_bandsgrz_gridgrid_small';
export const BANDS = ['g', 'r', 'z'];
const HASH = 'a'.repeat(64);

export type CampaignRow = Record<string, number | bigint | string | null>;

export function configOf(output: string, more: Record<string, unknown> = {}) {
  // No stamps are written here.
  return { ...InjectConfigSchema.parse({ output, variant: 'v1', tiers: ['train'], metrics_only: true, ...more }), output };
}

export function contextOf(configHash = HASH): StageContext {
  return {
    signal: new AbortController().signal,
    log: { info: () => {}, progress: () => {} },
    version: '0.0.0',
    shard: { index: 0, count: 1 },
    force: false,
    record: { configHash, current: {}, note: async () => {} },
    engine: () => Promise.reject(new Error('no engine is needed')),
  };
}

/** Rows of `hosts` hosts in 40 regions, half of the hosts controls, two replicates each. */
export function soundRows(hosts = 240): CampaignRow[] {
  const draw = new PhiloxStream(philoxKey(7));
  const rows: CampaignRow[] = [];
  for (let host = 0; host < hosts; host++) {
    const region = host % 40;
    const split = region < 28 ? 'train' : region < 34 ? 'val' : 'test';
    const isControl = Math.floor(host / 40) % 2;
    const place = {
      region_id: region,
      region_split: split,
      brickname: `00${region}p000`,
      // Regions are a degree apart, hosts of one region 36 arcsec.
      ra: 10 + region + 0.01 * Math.floor(host / 40),
      dec: -5 + draw.between(0, 0.001),
      rmag: draw.between(17, 20),
      zmag: draw.between(16, 19),
      ebv: draw.between(0, 0.1),
      psfsize_g: draw.between(1.4, 1.7),
      psfsize_r: draw.between(1.2, 1.5),
      psfsize_z: draw.between(1.1, 1.4),
      psfdepth_r: draw.between(23.4, 24),
    };
    for (let replicate = 0; replicate < 2; replicate++) rows.push(rowOf(rows.length, isControl, replicate, place, draw));
  }
  return rows;
}

function rowOf(index: number, isControl: number, replicate: number, place: CampaignRow, draw: PhiloxStream): CampaignRow {
  const theta = isControl ? 0 : [0.6, 0.8, 1][draw.integer(3)];
  const sourceMag = draw.between(21, 23);
  const magnification = 2 + 3 * theta + draw.between(0, 1);
  const arc = (value: number | string) => (isControl ? null : value);
  const snr = 10 ** draw.between(-0.1, 1.3);
  const task: CampaignRow = {
    ...place,
    task_id: `${draw.word().toString(16).padStart(8, '0')}${index.toString(16).padStart(8, '0')}${'0'.repeat(48)}`,
    experiment_id: EXPERIMENT,
    selection_set_id: 'all',
    config_id: isControl ? 'CONTROL' : 'grid_small_0001',
    theta_e_arcsec: theta,
    stamp_size: 64,
    bandset: 'grz',
    replicate,
    is_control: isControl,
    task_seed64: BigInt.asIntN(64, (BigInt(draw.word()) << 32n) | BigInt(draw.word())),
    lens_model: isControl ? 'CONTROL' : 'SIE',
    ab_zp_nmgy: 22.5,
    pipeline_version: 'test',
    tier: 'train',
    prior: 'dhs_gen5',
    src_n: 1,
    n_images: arc(4),
    theta_e_effective_arcsec: arc(theta),
  };
  return {
    ...task,
    cutout_ok: 1,
    arc_snr: arc(snr),
    arc_snr_sum: arc(snr / 2),
    total_injected_flux_r: arc(magnification * fluxFromMagnitude(sourceMag)),
    bad_pixel_frac: 0.1 * draw.uniform() ** 3,
    wise_brightmask_frac: 0.05 * draw.uniform() ** 3,
    metrics_ok: 1,
    metrics_only: 0,
    magnification: arc(magnification),
    physics_valid: 1,
    source_mode: 'sersic',
    arc_snr_mf: arc(4 * snr),
    render_flux_err: arc(0.001),
    oversample: arc(4),
    psf_size_semantics: 'nea',
    host_x: 31.5 + draw.between(0, 1),
    host_y: 31.5 + draw.between(0, 1),
    stamp_x0: draw.integer(3500),
    stamp_y0: draw.integer(3500),
    ...Object.fromEntries(
      BANDS.flatMap((band) => [
        [`psf_fwhm_used_${band}`, arc(0.8 * (place[`psfsize_${band}`] as number))],
        [`psf_source_${band}`, arc(0)],
        [`coverage_frac_${band}`, 1],
        [`arc_snr_mf_${band}`, arc(4 * snr)],
        [`src_mag_${band}_used`, arc(sourceMag)],
      ]),
    ),
  };
}

/** A column of rows; what a row lacks is null, or 0 where the column takes none. */
function columnOf(rows: readonly CampaignRow[], { name, type, nullable }: ColumnSchema & { nullable?: boolean }): ColumnValues {
  const empty = nullable ? null : type === 'string' ? '' : type === 'int64' ? 0n : 0;
  return rows.map((row) => (row[name] === undefined ? empty : row[name]));
}

export interface WriteOptions {
  readonly experiment?: string;
  /** Rows of a part. */
  readonly partRows?: number;
  readonly hash?: (part: number) => string;
  readonly columns?: (columns: ColumnSchema[]) => ColumnSchema[];
  /** Of every part, beside the hash. */
  readonly metadata?: Record<string, string>;
  readonly dataset?: 'metrics' | 'stamps';
  /** Folder of a row; default its split. */
  readonly folderOf?: (row: CampaignRow) => string;
  /** Float32 pixels of a stamp column, [row, y, x], by name. */
  readonly pixels?: (rows: readonly CampaignRow[], name: string) => Float32Array;
}

/** Writes a dataset as parts of one split each. */
export async function writeRows(output: string, rows: readonly CampaignRow[], options: WriteOptions = {}): Promise<void> {
  const { experiment = EXPERIMENT, partRows = 200, hash = () => HASH, dataset = 'metrics', pixels } = options;
  const store = await openStore(datasetFolder(configOf(output), dataset, experiment));
  const columns = (options.columns ?? ((all) => all))([...metricsColumns(BANDS)]);
  const folders = Map.groupBy(rows, options.folderOf ?? ((row) => String(row['region_split'])));
  let part = 0;
  for (const [split, own] of folders) {
    for (let start = 0; start < own.length; start += partRows) {
      const held = own.slice(start, start + partRows);
      const writer = openParquetWriter(await store.sink(partName(split, part)), {
        columns,
        metadata: { config_hash: hash(part), bricks: '{"0001p000":"0123456789abcdef"}', ...options.metadata },
      });
      part++;
      const values = columns.map((column) => [column.name, column.type === 'stamp' ? pixels!(held, column.name) : columnOf(held, column)] as const); // biome-ignore format: one table
      await writer.write({ rows: held.length, columns: Object.fromEntries(values) });
      await writer.finish();
    }
  }
  await store.close();
}

/** Writes a manifest of one file and its marker. */
export async function writeManifest(
  output: string,
  rows: readonly CampaignRow[],
  { experiment = EXPERIMENT, marker: more = {} }: { experiment?: string; marker?: Record<string, unknown> } = {},
): Promise<void> {
  const store = await openStore(manifestFolder(configOf(output)));
  const key = `${experiment}/part-00000.parquet`;
  const writer = openParquetWriter(await store.sink(key), { columns: MANIFEST_COLUMNS });
  await writer.write({
    rows: rows.length,
    columns: Object.fromEntries(MANIFEST_COLUMNS.map((column) => [column.name, columnOf(rows, column)])),
  });
  await writer.finish();
  const bySplit = Object.fromEntries([...Map.groupBy(rows, (row) => String(row['region_split']))].map(([split, own]) => [split, own.length])); // biome-ignore format: one record
  const experiments = [{ experiment_id: experiment, rows: rows.length, rows_by_split: bySplit, parts: [{ key: 'part-00000.parquet', rows: rows.length, row_groups: 1 }], ...more }]; // biome-ignore format: one record
  const marker = { config_hash: HASH, inputs: {}, version: 'test', experiments };
  await store.put('_SUCCESS', new TextEncoder().encode(JSON.stringify(marker)));
  await store.close();
}
