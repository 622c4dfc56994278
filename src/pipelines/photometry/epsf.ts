/**
 * Stage `epsf`: the effective PSF of every active cell of every band, tested on stars that it was not made from. Frames are read by cells, so memory
 * holds as many cells as there are workers.
 */
import { availableParallelism } from 'node:os';
import type { Failure, StageContext } from '../stage.ts';
import { meanEpoch } from './augment/epoch.ts';
import type { FitConfig } from './config.ts';
import type { FinishedCell } from './epsf/finish-band.ts';
import { type GaiaSeeds, readSeeds } from './epsf/gaia-seeds.ts';
import { bandKey, sourcesHash } from './epsf/key.ts';
import { epsfPage } from './epsf/page.ts';
import { keptBand } from './epsf/resume.ts';
import { CellRun, sectionOf } from './epsf/run-cells.ts';
import { SourceIndex } from './epsf/source-index.ts';
import { openBenches } from './epsf/workers.ts';
import { type EpsfCell, epsfCells, type Frame, type LoadedField, type PixelBox } from './field.ts';
import { activeCells } from './load-sources.ts';
import { inFolder, putObject } from './places.ts';
import type { PartResult } from './stages.ts';

/** Bytes of work on a pixel of a section: as read, less sky, sky, its noise, masks, filtered runs, segmentation. */
const BYTES_PER_PIXEL = 44;
/** A thread besides: heap, code, fonts and pictures. Measured: 163 to 246 MB for cells of 600 px, by what the process had given back before. */
const WORKER_BYTES = 230e6;

export interface EpsfOptions {
  /** Default epsf.max_workers, as many as memory allows; 0 works in this thread. */
  readonly workers?: number;
}

/**
 * Makes `EPSFs/<band>/<cell>/` with epsf.npy, meta.json and pictures, `epsf_cells.npz` of a band to interpolate from, `epsf_summary.json` and a
 * page. A cell without a PSF of its own says why and gets another; a band whose image cannot be read is a failure of the result.
 *
 * @throws ABORTED between cells; OUTPUT_UNWRITABLE; INPUT_UNREADABLE, INPUT_INVALID for the Gaia file; WORKER_DIED
 */
export async function epsfField(
  context: StageContext,
  config: FitConfig,
  field: LoadedField,
  options: EpsfOptions = {},
): Promise<PartResult> {
  const begin = performance.now();
  const { epsf: settings } = config;
  const folder = config.outputs.epsfDir;
  const { width, height } = field.box;
  const grid = epsfCells(width, height, settings.epsfNgrid);
  const active = activeCells(field.sources, width, height, settings.epsfNgrid);
  const cells = settings.skipEmptyEpsfPatches ? grid.filter(({ tag }) => active.has(tag)) : grid;
  const seeds = await seedsOf(context, config, field);
  const crew = options.workers === undefined ? crewFor(config, field.frames, cells) : { workers: options.workers, text: '' };
  const { workers, text: planned } = crew;
  if (planned !== '') context.log.info('epsf', `ePSF: ${cells.length} cells in ${field.frames.length} bands, ${planned}`);
  if (cells.length === 0)
    context.log.info('warning', 'warning: no cell has a source that is fitted: no PSFs are made (epsf.skip_empty_epsf_patches).');
  const benches = openBenches(cells.length === 0 ? 0 : workers);
  const finished = new Map<string, FinishedCell[]>();
  const failures: Failure[] = [];
  const keys = new Map<string, string>();
  const { version } = context;
  const sources = sourcesHash(field, config);
  for (const frame of field.frames) {
    const { band } = frame;
    const own = { seeds: seeds?.byBand.get(band), fluxes: field.columns[`FLUX_${band}`] };
    keys.set(band, await bandKey({ version, config, frame, box: field.box, cells, sources, ...own }));
  }
  try {
    const todo: Frame[] = [];
    for (const frame of field.frames) {
      const kept = context.force
        ? undefined
        : await keptBand(inFolder(folder, frame.band), keys.get(frame.band)!, settings.finalPsfSize);
      if (kept === undefined) todo.push(frame);
      else finished.set(frame.band, kept);
    }
    const run = new CellRun(context, config, cells, grid, seeds, new SourceIndex(field), finished, failures);
    const groups = settings.parallelBands ? [todo] : todo.map((frame) => [frame]);
    for (const frames of groups) await run.bands(frames, benches, keys);
  } finally {
    await Promise.all(benches.map((bench) => bench.close()));
  }
  const memory = `ePSF: ${planned === '' ? '' : `${planned}; `}process at most ${mib(process.resourceUsage().maxRSS * 1024)} MiB so far`;
  context.log.info('epsf', memory);
  const rows = field.frames.flatMap(({ band }) => finished.get(band) ?? []);
  const unread = [...failures];
  failures.push(...bandsWithout(finished));
  const bandRows = unread.map(({ subject, reason }) => ({ band: subject, status: 'band_fail', error: reason }));
  const summaryPlace = inFolder(folder, 'epsf_summary.json');
  const pagePlace = inFolder(folder, 'index.html');
  const encode = (text: string) => new TextEncoder().encode(text);
  await putObject(summaryPlace, encode(`${JSON.stringify([...rows.map(({ meta }) => meta), ...bandRows], undefined, 2)}\n`));
  const page = {
    title: 'Effective PSFs',
    text: pageText(config),
    cells: rows,
    grid,
    gridSize: settings.epsfNgrid,
    psfSize: settings.finalPsfSize,
  };
  await putObject(pagePlace, encode(await epsfPage(page)));
  return {
    field,
    outcome: failures.length > 0 ? 'failed-rows' : 'done',
    counts: countsOf(field, rows, grid.length - cells.length),
    seconds: { epsf: (performance.now() - begin) / 1000 },
    failures,
    outputs: [summaryPlace, pagePlace],
    summary: [...summaryOf(field, rows, cells.length, failures), memory],
  };
}

/** Gaia stars of the field; undefined where none are wanted or there is no file. */
async function seedsOf({ log }: StageContext, config: FitConfig, field: LoadedField): Promise<GaiaSeeds | undefined> {
  const { epsf: settings, inputs } = config;
  if (!settings.useGaiaxp || settings.psfstarMode === 'sep') return undefined;
  if (inputs.gaiaxpSynphotCsv === null) {
    log.info(
      'warning',
      `warning: epsf.psfstar_mode is ${settings.psfstarMode} and there is no inputs.gaiaxp_synphot_csv: no Gaia stars.`,
    );
    return undefined;
  }
  const { wcs, box, frames } = field;
  const bands = frames.map(({ band }) => band);
  const area = { wcs, width: box.width, height: box.height };
  const epochYear = meanEpoch(frames, config.profile);
  const seeds = await readSeeds(inputs.gaiaxpSynphotCsv, bands, area, settings, epochYear);
  // With zp.enabled the stage before has told so.
  if (seeds.unmoved !== undefined && config.profile === 'arclet' && !config.zp.enabled)
    log.info('warning', `warning: Gaia stars stay at their catalogue's epoch: ${seeds.unmoved}.`);
  if (seeds.without.length > 0) {
    const columns = seeds.without.map((band) => `mag_${band}`).join(', ');
    log.info('warning', `warning: ${inputs.gaiaxpSynphotCsv} has no ${columns}: no Gaia stars in these bands.`);
  }
  return seeds;
}

const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);

/** How many workers the budget has room for; none: cells are made in this thread. */
function crewFor(config: FitConfig, frames: readonly Frame[], cells: readonly EpsfCell[]): { workers: number; text: string } {
  const { memoryBudget } = config.performance;
  const pixels = ({ width, height }: PixelBox) => width * height;
  let largest = 1;
  for (const frame of frames) for (const cell of cells) largest = Math.max(largest, pixels(sectionOf(cell, frame, config)));
  const each = WORKER_BYTES + BYTES_PER_PIXEL * largest;
  const fitting = Math.floor(memoryBudget / each);
  const wanted = config.epsf.maxWorkers === 'auto' ? availableParallelism() : config.epsf.maxWorkers;
  // Where not even one fits, this thread makes the cells: it has a heap already.
  const workers = Math.min(wanted, fitting, Math.max(1, frames.length * cells.length));
  const budget = `budget of ${mib(memoryBudget)} MiB`;
  const text =
    workers === 0
      ? `in this thread: the ${mib(each)} MiB of a worker are more than the ${budget}`
      : `${workers} workers of ${mib(each)} MiB of a ${budget}`;
  return { workers, text };
}

/** Bands of which no cell has a PSF that was not rejected: photometry of these is not to be trusted. */
function bandsWithout(finished: ReadonlyMap<string, readonly FinishedCell[]>): Failure[] {
  return [...finished].flatMap(([band, cells]) => {
    const isBad = ({ source }: FinishedCell) => source === 'cell-rejected' || source === 'none';
    if (cells.length === 0 || !cells.every(isBad)) return [];
    return [{ subject: band, reason: `none of ${cells.length} cells has a PSF that its stars do not reject` }];
  });
}

function pageText({ profile, epsf: settings }: FitConfig): string {
  const builder =
    profile === 'arclet'
      ? `Penalised least squares; of ${settings.holdoutMinStars} or more stars every ${settings.holdoutEvery}th judges the PSF and does not make it.`
      : "tract7dt's builder; the gate asks the stars that made the PSF, and nothing follows from what it says.";
  return `${builder} Cells without a PSF of their own say why, and whose they got.`;
}

function countsOf({ frames }: LoadedField, rows: readonly FinishedCell[], empty: number): Record<string, number> {
  const sources = (source: FinishedCell['source']) => rows.filter((row) => row.source === source).length;
  const verdicts = (verdict: string) => rows.filter((row) => row.verdict === verdict).length;
  return {
    epsf_bands: frames.length,
    epsf_cells: rows.length,
    epsf_cells_without_sources: empty * frames.length,
    epsf_own: sources('cell'),
    epsf_frame: sources('frame'),
    epsf_neighbours: sources('neighbours'),
    epsf_moffat: sources('moffat'),
    epsf_own_rejected: sources('cell-rejected'),
    epsf_none: sources('none'),
    epsf_accepted: verdicts('accepted'),
    epsf_rejected: verdicts('rejected'),
    epsf_untested: verdicts('untested'),
  };
}

function summaryOf(
  { frames }: LoadedField,
  rows: readonly FinishedCell[],
  cells: number,
  failures: readonly Failure[],
): string[] {
  const own = rows.filter(({ source }) => source === 'cell').length;
  const lines = [`ePSF: ${own} of ${frames.length * cells} cells in ${frames.length} bands have a PSF of their own`];
  const verdicts = (verdict: string) => rows.filter((row) => row.verdict === verdict);
  const [untested, rejected] = [verdicts('untested'), verdicts('rejected')];
  if (untested.length > 0) lines.push(`${untested.length} PSFs are untested, their stars cannot tell: ${namesOf(untested)}`);
  if (rejected.length > 0) lines.push(`${rejected.length} PSFs were rejected by their gate: ${namesOf(rejected)}`);
  const kept = rows.filter(({ source }) => source === 'cell-rejected');
  if (kept.length > 0) lines.push(`warning: ${kept.length} of them stay, nothing does better: ${namesOf(kept)}`);
  const without = rows.filter(({ source, verdict }) => source !== 'cell' && verdict !== 'rejected');
  for (const [problem = 'no PSF', of] of [...Map.groupBy(without, ({ problem }) => problem)].slice(0, MOST_PROBLEMS))
    lines.push(`${of.length} cells have no PSF of their own, ${problem.replace(/\.$/, '')}: ${namesOf(of)}`);
  for (const { subject, reason } of failures) lines.push(`${subject}: ${reason}`);
  return lines;
}

const MOST_PROBLEMS = 5;
const MOST_NAMES = 5;

const namesOf = (cells: readonly FinishedCell[]): string =>
  `${cells.slice(0, MOST_NAMES).map(({ band, tag }) => `${band}/${tag}`).join(', ')}${cells.length > MOST_NAMES ? ', ...' : ''}`; // biome-ignore format: one line
