/**
 * Completeness of a table of metrics in two passes: the first sees what values the axes have and what scores the controls, the second counts.
 * Memory holds one row group, the groups' counters and the bins of their medians.
 */
import type { IntervalKind } from '../../../core/intervals.ts';
import { throwIfAborted } from '../../../engine/batches.ts';
import type { TableBatch } from '../../../io/table.ts';
import { AxisScan, binAxis, RESOLUTION_AXIS } from './axes.ts';
import {
  type Axes,
  Counting,
  kindOf,
  type PsfProvenance,
  type ScoreSource,
  scoresOf,
  sourceMag,
  type Words,
} from './counting.ts';
import { checkMetrics, metricsColumnsOf, metricsNames } from './facts.ts';
import type { Groups } from './groups.ts';
import type { GroupMedians } from './medians.ts';
import { isClean, type RecoveryRule } from './rules.ts';
import { type ScoreThreshold, thresholdAt } from './scores.ts';

/** Metrics that can be read more than once. */
export interface MetricsSource {
  readonly location: string;
  /** Names of the columns that are there, folders' keys included. */
  readonly columns: ReadonlySet<string>;
  /** Row groups with those of the columns that are there. */
  batches(columns: readonly string[]): AsyncIterable<TableBatch>;
}

export interface CompletenessOptions {
  /** Band of arc_snr and of the PSF that theta_E is compared with. */
  readonly band: string;
  /** Bands whose PSF provenance is counted. */
  readonly bands: readonly string[];
  readonly rule: Omit<RecoveryRule, 'scoreThreshold' | 'scoreThresholdClean'>;
  /** Width of the bins, arcsec. */
  readonly psfBinWidth: number;
  /** Width of the bins, mag. */
  readonly depthBinWidth: number;
  readonly interval: IntervalKind;
  /** Standard deviations of the intervals. */
  readonly z: number;
  /** A detector decides what is recovered. */
  readonly score?: (ScoreSource & { /** On controls; sets the threshold. */ readonly falsePositiveRate: number }) | undefined;
  readonly signal?: AbortSignal;
  readonly progress?: (rows: number) => void;
}

export interface Completeness {
  readonly axes: Axes;
  readonly words: Words;
  /** By the dimensions {@link SURFACE}. */
  readonly surfaces: Groups;
  /** By the dimensions {@link MAGNITUDE}. */
  readonly magnitudes: Groups;
  /** Of arc_snr, over the groups of `surfaces`. */
  readonly snr: GroupMedians;
  readonly provenance: readonly PsfProvenance[];
  /** Of all controls, for all valid injections; `clean` of clean controls, for clean ones, undefined where none has a score. */
  readonly score:
    | (ScoreThreshold & { readonly controlsWithoutScore: number; readonly clean: ScoreThreshold | undefined })
    | undefined;
  /** True where rows carry cross_section_weight. */
  readonly weighted: boolean;
  readonly counts: Readonly<Record<'rows' | 'injections' | 'controls' | 'others' | 'psfFromManifest' | 'withoutWeight', number>>;
}

/** Numbers of any count, as one array at the end. */
class Growing {
  #values = new Float64Array(1024);
  #size = 0;

  push(value: number): void {
    if (this.#size === this.#values.length) {
      const larger = new Float64Array(2 * this.#size);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#size++] = value;
  }

  get size(): number {
    return this.#size;
  }

  get values(): Float64Array {
    return this.#values.slice(0, this.#size);
  }
}

/**
 * Recovered fractions of the injections in a table of metrics.
 *
 * @throws INPUT_INVALID when columns are missing or no control has a score; CONFIG_INVALID when the bins make more than 2^22 groups; ABORTED
 */
export async function measureCompleteness(source: MetricsSource, options: CompletenessOptions): Promise<Completeness> {
  const { score } = options;
  const names = metricsNames(options.band, options.bands, score?.table === undefined ? score?.column : undefined);
  const scored = score === undefined ? [] : [score.table === undefined ? score.column : 'task_id'];
  checkMetrics(source.location, source.columns, { ...names, required: [...names.required, ...scored] });
  const { axes, threshold } = await scan(source, options, scored);
  const rule =
    threshold === undefined
      ? options.rule
      : {
          ...options.rule,
          scoreThreshold: threshold.threshold,
          scoreThresholdClean: threshold.clean?.threshold ?? Number.NaN,
        };
  const wanted = [...names.required, ...names.optional, ...scored].filter((name) => source.columns.has(name));
  const counting = new Counting(axes, rule, options);
  for await (const batch of source.batches([...new Set(wanted.filter((name) => name !== 'task_id' || scored.includes(name)))])) {
    throwIfAborted(options.signal, counting.counts.rows);
    counting.add(batch);
    options.progress?.(counting.counts.rows);
  }
  return {
    axes,
    words: counting.words,
    surfaces: counting.surfaces,
    magnitudes: counting.magnitudes,
    snr: counting.snr,
    provenance: counting.provenance(),
    score: threshold,
    weighted: source.columns.has('cross_section_weight'),
    counts: counting.counts,
  };
}

const SCANNED = [
  'lens_model',
  'theta_e_arcsec',
  'src_dmag',
  'src_reff_arcsec',
  'src_mag_r',
  'rmag',
  'cutout_ok',
  'bad_pixel_frac',
  'wise_brightmask_frac',
];

async function scan(source: MetricsSource, options: CompletenessOptions, scored: readonly string[]) {
  const scans = { thetaE: new AxisScan(), dmag: new AxisScan(), reff: new AxisScan(), mag: new AxisScan() };
  const controls = new Growing();
  const cleanControls = new Growing();
  let [rows, controlsWithoutScore] = [0, 0];
  for await (const batch of source.batches([...SCANNED, ...scored].filter((name) => source.columns.has(name)))) {
    throwIfAborted(options.signal, rows);
    const columns = metricsColumnsOf(batch, options.band);
    const scores = options.score === undefined ? undefined : scoresOf(batch, options.score);
    for (let row = 0; row < batch.rows; row++) {
      const kind = kindOf(columns, row);
      if (kind === 'injection') {
        scans.thetaE.add(columns.thetaE[row]);
        scans.dmag.add(columns.dmag[row]);
        scans.reff.add(columns.reff[row]);
        scans.mag.add(sourceMag(columns, row));
      } else if (kind === 'control' && scores !== undefined && columns.cutoutOk[row] === 1) {
        if (!Number.isFinite(scores[row])) {
          controlsWithoutScore++;
          continue;
        }
        controls.push(scores[row]);
        const quality = { badPixelFrac: columns.badPixelFrac[row], wiseFrac: columns.wiseFrac[row] };
        // Masked stamps fool a detector more often: what is asked of clean injections is measured on controls like them.
        if (isClean(quality, options.rule)) cleanControls.push(scores[row]);
      }
    }
    rows += batch.rows;
  }
  const axes: Axes = {
    thetaE: scans.thetaE.axis({ label: 'Einstein radius', unit: 'arcsec' }, 0.2),
    dmag: scans.dmag.axis({ label: 'Source minus host, r', unit: 'mag' }, 0.5),
    reff: scans.reff.axis({ label: 'Half-light radius of the source', unit: 'arcsec' }, 0.05),
    mag: scans.mag.axis({ label: 'Magnitude of the unlensed source, r', unit: 'AB mag' }, 0.5),
    psf: binAxis({ label: `PSF FWHM, ${options.band}`, unit: 'arcsec' }, options.psfBinWidth),
    depth: binAxis({ label: '5 sigma depth, r', unit: 'AB mag' }, options.depthBinWidth),
    resolution: RESOLUTION_AXIS,
  };
  const threshold =
    options.score === undefined
      ? undefined
      : {
          ...thresholdAt(controls.values, options.score.falsePositiveRate),
          controlsWithoutScore,
          clean: cleanControls.size === 0 ? undefined : thresholdAt(cleanControls.values, options.score.falsePositiveRate),
        };
  return { axes, threshold };
}
