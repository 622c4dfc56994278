/**
 * Images that are not aligned become images that are: one per band on one grid, in `<work_dir>/aligned`, with headers that stage `load` reads as
 * those of any other image. Bands that were made of the same are kept.
 */
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { ArcletError, isArcletError } from '../../core/errors.ts';
import { writeCsv } from '../../io/csv.ts';
import type { ColumnValues, ScalarColumn } from '../../io/table.ts';
import type { Failure, StageContext } from '../stage.ts';
import type { FitConfig } from './config.ts';
import { inFolder, putObject } from './places.ts';
import { makeBand, rowsOfBand } from './resample/align-band.ts';
import { type AlignmentPlan, type BandPlan, planAlignment } from './resample/align-plan.ts';
import { ALIGNED_FOLDER, type BandNote, bandKey, bandPlaces, keptBand, writeBand } from './resample/band-file.ts';
import type { BandNumbers } from './resample/band-header.ts';
import { type FrameRow, leftOutRow } from './resample/frame-rows.ts';
import type { BandWork } from './resample/spool-frame.ts';
import { middleScale } from './resample/target.ts';

/** What is left to do with images that are aligned. */
export interface AlignedImages {
  /** Of the aligned images; resampling is off in it. */
  readonly config: FitConfig;
  readonly counts: Readonly<Record<string, number>>;
  readonly outputs: readonly string[];
  /** Images that were left out. */
  readonly failures: readonly Failure[];
  readonly summary: readonly string[];
}

/** Deeper and shallower parts whose noise differs by more than this are told of: SKYSIG is one number. */
const UNEVEN = 1.3;
/** Skies of images of one band that are this many SKYSIG apart are told of. */
const SKY_STEP = 1;

/**
 * Resamples the images of a config to one grid and combines those of one FILTER.
 *
 * @param beforePixels is told the names of the bands before any pixel is read, to throw what would be thrown of them later
 * @throws as planAlignment, `beforePixels` and makeBand; OUTPUT_UNWRITABLE; ABORTED
 */
export async function alignImages(
  context: StageContext,
  config: FitConfig,
  beforePixels?: (bands: readonly string[]) => Promise<void>,
): Promise<AlignedImages> {
  const { log } = context;
  const plan = await planAlignment(config);
  const { target, bands, leftOut } = plan;
  await beforePixels?.(bands.map(({ band }) => band));
  const warn = (text: string): void => log.info('warning', `warning: ${text}`);
  for (const text of [...plan.warnings, ...leftOut.map(({ path, reason }) => `${path} is left out: ${reason}.`)]) warn(text);
  log.info('target', `resampling to ${target.width} x ${target.height} px: ${target.from}`);
  const folder = inFolder(config.outputs.workDir, ALIGNED_FOLDER);
  const rows: FrameRow[] = leftOut.map(leftOutRow);
  const images: string[] = [];
  const asTheyAre: string[] = [];
  const summary: string[] = [];
  let kept = 0;
  const progress = progressOf(context, plan);
  for (const band of bands) {
    const { note, image } = await alignBand(context, config, plan, band, folder, progress).catch((error) => {
      throw isArcletError(error) && error.code === 'ABORTED' ? stopped(images.length, bands.length, error) : error;
    });
    progress.finish(band);
    for (const text of note?.warnings ?? []) warn(text);
    rows.push(...(note?.frames ?? [asItIsRow(band)]));
    if (note === undefined) asTheyAre.push(image);
    else summary.push(note.summary);
    kept += note?.kept ? 1 : 0;
    images.push(image);
  }
  const table = inFolder(folder, 'frames.csv');
  await putObject(table, await framesCsv(rows));
  const left = rows.filter(isLeftOut);
  const counts = {
    images_given: config.images.length,
    images_left_out: left.length,
    bands_aligned: bands.length,
    bands_kept: kept,
  };
  await context.record.note({ resample: { target: { ...sizeOf(plan), cards: target.header.records() }, images: rows } });
  return {
    config: alignedConfig(config, images, asTheyAre),
    counts,
    outputs: [table, ...images.filter((image) => !asTheyAre.includes(image))],
    failures: left.map(({ path, reason }) => ({ subject: path, reason: String(reason) })),
    summary,
  };
}

const isLeftOut = ({ status }: FrameRow): boolean => status === 'left_out' || status === 'unreadable';

const stopped = (done: number, total: number, cause: unknown): ArcletError =>
  new ArcletError('ABORTED', `The run was stopped while images were resampled, with ${done} of ${total} bands done.`, {
    subject: 'resample',
    remedy: 'Run it again: bands that are done are kept.',
    cause,
  });

const sizeOf = ({ target: { width, height, from } }: AlignmentPlan) => ({ width, height, from });

/** The config of the parts that follow. Aligned images say all of themselves; others still need what the config says of them. */
function alignedConfig(config: FitConfig, images: readonly string[], asTheyAre: readonly string[]): FitConfig {
  const isOf = (name: string): boolean => asTheyAre.some((path) => path === name || path.endsWith(`/${name}`));
  const overrides = Object.entries(config.inputs.filterOverrides).filter(([name]) => isOf(name));
  return {
    ...config,
    images,
    inputs: { ...config.inputs, filterOverrides: Object.fromEntries(overrides) },
    resample: { ...config.resample, enabled: false },
  };
}

interface Progress {
  add(rows: number): void;
  /** All rows of the band are done, or need not be. */
  finish(band: BandPlan): void;
}

function progressOf({ log }: StageContext, { bands, target }: AlignmentPlan): Progress {
  const total = bands.reduce((sum, band) => sum + rowsOfBand(band, target), 0);
  let before = 0;
  let inBand = 0;
  const tell = () => log.progress('rows of aligned images', Math.min(before + inBand, total), total);
  return {
    add(rows) {
      inBand += rows;
      tell();
    },
    finish(band) {
      before += rowsOfBand(band, target);
      inBand = 0;
      tell();
    },
  };
}

/** Makes or keeps the image of a band; without a note where the image of the list serves. */
async function alignBand(
  context: StageContext,
  config: FitConfig,
  { target }: AlignmentPlan,
  band: BandPlan,
  folder: string,
  progress: Progress,
): Promise<{ readonly note: (BandNote & { kept: boolean }) | undefined; readonly image: string }> {
  const { log, signal, version } = context;
  if (band.asItIs) return { note: undefined, image: band.frames[0].file.path };
  const places = bandPlaces(folder, band.band);
  const key = await bandKey(band, target, config, version);
  const before = context.force ? undefined : await keptBand(places, key);
  if (before !== undefined) {
    log.info('kept', `${band.band}: ${places.image} was made of the same and is kept`);
    return { note: { ...before, kept: true }, image: places.image };
  }
  const pixelArcsec = middleScale(target);
  const engine = await context.engine();
  const onRows = (rows: number): void => progress.add(rows);
  const work: BandWork = { engine, config, target, pixelArcsec, signal, place: spoolPlace(places.image, config), onRows };
  const made = await makeBand(band, work);
  try {
    const { numbers, rows, used } = made;
    const facts = {
      key,
      summary: summaryOf(band, numbers, used.length),
      warnings: warningsOf(band, numbers, rows),
      frames: rows,
    };
    const names = used.map(({ file, fluxScale }) => `${basename(file.path)} times ${Number(fluxScale.toPrecision(7))}`);
    const { interpolation, combine } = config.resample;
    const how = used.length > 1 ? [`${combine} of ${used.length} images`] : [];
    const words = [`arclet ${version}: ${interpolation}, flux conserved`, `grid: ${target.from}`, ...how, ...names];
    const note = await writeBand(places, made, target, pixelArcsec, words, facts);
    return { note: { ...note, kept: false }, image: places.image };
  } finally {
    await made.close();
  }
}

/** Beside the file, or in the temporary folder for files that go elsewhere. */
function spoolPlace(image: string, { outputs }: FitConfig): string {
  return outputs.workDir.includes('://') ? join(tmpdir(), 'arclet-rows') : image;
}

function summaryOf({ band, frames }: BandPlan, numbers: BandNumbers, used: number): string {
  const of = used === frames.length ? `${used}` : `${used} of ${frames.length}`;
  const { skySigma, gain, noiseUnderestimate, coverage } = numbers;
  const facts = `SKYSIG ${skySigma.toPrecision(4)} ADU, EGAIN ${gain.toPrecision(4)}, ${(100 * coverage).toFixed(1)} % of the grid covered`;
  return `${band}: ${of} ${frames.length === 1 ? 'image' : 'images'} resampled, ${facts}; sums over many pixels are ${noiseUnderestimate.toFixed(2)} times noisier than SKYSIG says`;
}

function warningsOf({ band }: BandPlan, numbers: BandNumbers, rows: readonly FrameRow[]): string[] {
  const warnings = rows.filter(isLeftOut).map(({ path, reason }) => `${path} is left out: ${reason}.`);
  const [low, high] = numbers.skySigmaRange;
  if (high > UNEVEN * low) {
    const between = `${low.toPrecision(3)} and ${high.toPrecision(3)} ADU`;
    warnings.push(`${band}: the depth is uneven, SKYSIG of most pixels is between ${between} and one number stands for all.`);
  }
  const used = rows.filter(({ level }) => level !== null).sort((a, b) => Number(a.level) - Number(b.level));
  const [least, most] = [used[0], used[used.length - 1]];
  const step = Number(most?.level) - Number(least?.level);
  if (step > SKY_STEP * numbers.skySigma) {
    const places = `${least.path} and ${most.path}`;
    warnings.push(
      `${band}: the skies of ${places} are ${step.toPrecision(3)} ADU apart (SKYSIG ${numbers.skySigma.toPrecision(3)}), which leaves steps at their edges: subtract the sky first.`,
    );
  }
  return warnings;
}

function asItIsRow({ band, frames: [{ file }] }: BandPlan): FrameRow {
  return {
    ...leftOutRow({ path: file.path, band, reason: '' }),
    reason: null,
    status: 'as_it_is',
    fluxScale: 1,
    areaRatio: 1,
    noiseFactor: 1,
  };
}

const COLUMNS: readonly (readonly [keyof FrameRow, ScalarColumn])[] = [
  ['path', { name: 'path', type: 'string' }],
  ['band', { name: 'band', type: 'string' }],
  ['status', { name: 'status', type: 'string' }],
  ['reason', { name: 'reason', type: 'string', nullable: true }],
  ['fluxScale', { name: 'flux_scale', type: 'float64', nullable: true }],
  ['areaRatio', { name: 'area_ratio', type: 'float64', nullable: true }],
  ['noiseFactor', { name: 'noise_factor', type: 'float64', nullable: true }],
  ['skySigma', { name: 'sky_sigma_adu', type: 'float64', nullable: true }],
  ['coverage', { name: 'coverage', type: 'float64', nullable: true }],
  ['level', { name: 'level_adu', type: 'float64', nullable: true }],
  ['saturatedPixels', { name: 'saturated_pixels', type: 'float64', nullable: true }],
  ['positionErrorPx', { name: 'position_error_px', type: 'float64', nullable: true }],
];

/** What became of each image. */
async function framesCsv(rows: readonly FrameRow[]): Promise<Uint8Array> {
  const columns = Object.fromEntries(COLUMNS.map(([key, { name }]) => [name, rows.map((row) => row[key]) as ColumnValues]));
  const pieces: Uint8Array[] = [];
  for await (const piece of writeCsv({ columns: COLUMNS.map(([, column]) => column) }, [{ rows: rows.length, columns }]))
    pieces.push(piece);
  return Buffer.concat(pieces);
}
