/** What stands beside the bricks of a demo survey: targets, the truth, a picture, and a config that is ready to run. */
import { join } from 'node:path';
import { writeFileAtomic } from '../../io/atomic.ts';
import { writeCsv } from '../../io/csv.ts';
import { readSection } from '../../io/fits/index.ts';
import { openFitsFile } from '../../io/fits/node.ts';
import { openParquetWriter } from '../../io/parquet.ts';
import { encodePng } from '../../io/png.ts';
import { openStore } from '../../io/store/store.ts';
import { colourStamp, type Plane } from '../../io/stretch.ts';
import type { ScalarColumn, TableBatch, TableSchema } from '../../io/table.ts';
import { KINDS, type Source } from './sources.ts';
import { TARGET_COLUMNS, type TargetRow } from './targets.ts';

export async function writeTargets(folder: string, rows: readonly TargetRow[]): Promise<void> {
  const columns = TARGET_COLUMNS.map(({ name }) => [name, rows.map((row) => row[name])] as const);
  const chunks: Uint8Array[] = [];
  const batch: TableBatch = { rows: rows.length, columns: Object.fromEntries(columns) };
  for await (const chunk of writeCsv({ columns: TARGET_COLUMNS }, [batch])) chunks.push(chunk);
  await writeFileAtomic(join(folder, 'targets.csv'), chunks);
}

type TruthEntry = readonly [name: string, unit: string, description: string, value: (source: Source) => number];

const TRUTH: readonly TruthEntry[] = [
  ['ra', 'deg', 'J2000', ({ ra }) => ra],
  ['dec', 'deg', 'J2000', ({ dec }) => dec],
  ...(['g', 'r', 'z', 'w1'] as const).map((band): TruthEntry => [`mag_${band}`, 'mag', 'AB', ({ mag }) => mag[band]]),
  ['sersic_n', '', '0 for stars', ({ n }) => n],
  ['reff_arcsec', 'arcsec', 'semi-major half-light radius', ({ reffArcsec }) => reffArcsec],
  ['axis_ratio', '', 'minor / major', ({ q }) => q],
  ['pa_deg', 'deg', 'major axis, East of North', ({ paRad }) => (paRad * 180) / Math.PI],
];

/** Writes `truth.parquet`, one row group per brick, and returns its rows. */
export async function writeTruth(
  folder: string,
  bricks: Iterable<{ name: string; sources: readonly Source[] }>,
): Promise<number> {
  const columns: ScalarColumn[] = [
    { name: 'brickname', type: 'string', description: 'brick whose own area the source is in' },
    { name: 'kind', type: 'string', description: `${KINDS.join(', ')}; a host is a massive red galaxy` },
    ...TRUTH.map(([name, unit, description]): ScalarColumn => ({ name, type: 'float64', unit, description })),
  ];
  const schema: TableSchema = { columns };
  const store = await openStore(folder);
  const writer = openParquetWriter(await store.sink('truth.parquet'), schema);
  try {
    for (const { name, sources } of bricks) {
      const numbers = TRUTH.map(([key, , , value]) => [key, Float64Array.from(sources, value)] as const);
      const words = { brickname: sources.map(() => name), kind: sources.map(({ kind }) => kind) };
      await writer.write({ rows: sources.length, columns: { ...words, ...Object.fromEntries(numbers) } });
    }
    return (await writer.finish()).rows;
  } catch (error) {
    await writer.abort();
    throw error;
  } finally {
    await store.close();
  }
}

/** Pixels along the side of the picture. */
const PREVIEW = 1200;
/** Red, green and blue, and what each is multiplied with so that a galaxy like the Sun's is white: the survey viewer's choice. */
const COLOURS = [['z', 2.2], ['r', 3.4], ['g', 6]] as const; // biome-ignore format: one thought

/** Brighter than this a colour is full, so that what is bright in all is white, as on a screen of the survey's viewer. */
const WHITE = 2.2;

/** Writes `preview.png`: the middle of a brick in colour. */
export async function writePreview(folder: string, brickFolder: string, brick: string, size: number): Promise<void> {
  const side = Math.min(size, PREVIEW);
  const start = Math.floor((size - side) / 2);
  const planes: Plane[] = [];
  for (const [band, factor] of COLOURS) {
    const file = await openFitsFile(join(brickFolder, `legacysurvey-${brick}-image-${band}.fits.fz`));
    try {
      const { data } = await readSection(file.hdu(1), [start, start], [side, side]);
      planes.push(Float32Array.from(data as Float32Array, (value) => Math.min(WHITE, factor * value)));
    } finally {
      await file.close();
    }
  }
  const raster = colourStamp(planes as [Plane, Plane, Plane], side, { black: -0.03, white: WHITE, softness: 20 * WHITE });
  await writeFileAtomic(join(folder, 'preview.png'), encodePng(raster));
}

/** Rows per brick that the ready config makes. */
const ROWS_PER_BRICK = 1000;

/** Writes `inject.yaml`, the config of a small training set over the survey: half of its rows are controls. */
export async function writeInjectConfig(folder: string, targetsPerBrick: number, seed: number): Promise<void> {
  const replicates = Math.max(1, Math.min(20, Math.round(ROWS_PER_BRICK / targetsPerBrick)));
  const text = `# Injection campaign on the demo survey. Run it: arclet inject run --config inject.yaml
# About ${replicates * targetsPerBrick} rows per brick: every target once as host of a lens or as control, ${replicates} draws each.
targets: targets.csv
coadd_cache: bricks
output: inject
variant: demo
bands: [g, r, z]
stamp_sizes: [64]
tiers: [train]
grid_train: custom
custom_grid:
  theta_e_arcsec: [0.7, 1.0, 1.3, 1.6, 2.0]
  src_dmag: [2.5, 3.5, 4.5]
  src_reff_arcsec: [0.12, 0.25]
  src_e: [0, 0.3]
  shear: [0, 0.03]
placement: cut
guard_arcsec: 20
n_total_train_per_split: 200000
control_frac_train: 0.5
unpaired_controls: true
replicates: ${replicates}
source_mode: sersic
planes: [injected, host, arc]
seed_base: ${seed}
`;
  await writeFileAtomic(join(folder, 'inject.yaml'), text);
}
