/** The counting pass of completeness: each injection into its group, judged once. */
import type { TableBatch } from '../../../io/table.ts';
import { type Axis, MISSING } from './axes.ts';
import { type MetricsColumns, metricsColumnsOf, numbersOf, textsOf } from './facts.ts';
import { Dictionary, Groups } from './groups.ts';
import { GroupMedians } from './medians.ts';
import { judge, type RecoveryRule, type RowFacts } from './rules.ts';
import type { ScoreTable } from './scores.ts';

/** Dimensions of the main groups, the grouping of the originals. */
export const SURFACE = {
  split: 0,
  region: 1,
  set: 2,
  mode: 3,
  thetaE: 4,
  dmag: 5,
  reff: 6,
  psf: 7,
  depth: 8,
  resolution: 9,
} as const;
/** Dimensions of the groups by source magnitude. */
export const MAGNITUDE = { region: 0, thetaE: 1, mag: 2 } as const;

export interface Axes {
  readonly thetaE: Axis;
  readonly dmag: Axis;
  readonly reff: Axis;
  readonly mag: Axis;
  readonly psf: Axis;
  readonly depth: Axis;
  readonly resolution: Axis;
}

export interface Words {
  readonly splits: Dictionary<string | null>;
  /** NaN for a row without a region. */
  readonly regions: Dictionary<number>;
  readonly sets: Dictionary<string | null>;
  readonly modes: Dictionary<string | null>;
}

export interface PsfProvenance {
  readonly band: string;
  /** 0 map, 1 manifest, 2 reference band, 3 fallback; null: not recorded. */
  readonly source: number | null;
  readonly count: number;
}

/** Where scores are read. */
export interface ScoreSource {
  readonly column: string;
  /** Where the metrics have no such column. */
  readonly table?: ScoreTable | undefined;
}

type Kind = 'injection' | 'control' | 'other';

export function kindOf(columns: Pick<MetricsColumns, 'lensModel' | 'thetaE'>, row: number): Kind {
  const model = columns.lensModel[row];
  if (model === 'CONTROL') return 'control';
  return model !== null && columns.thetaE[row] > 0 ? 'injection' : 'other';
}

/** AB magnitude of the unlensed source in r; the originals' tables give it as that of the host plus a difference. */
export function sourceMag(columns: MetricsColumns, row: number): number {
  const own = columns.sourceMag[row];
  return Number.isFinite(own) ? own : columns.hostMag[row] + columns.dmag[row];
}

/** Scores of a batch: a column of it, or looked up by task. */
export function scoresOf(batch: TableBatch, { column, table }: ScoreSource): ArrayLike<number> {
  if (table === undefined) return numbersOf(batch, column);
  const tasks = textsOf(batch, 'task_id');
  return Float64Array.from(tasks, (task) => (task === null ? Number.NaN : table.get(task)));
}

/** What a count needs to know beside the axes. */
export interface CountingOptions {
  readonly band: string;
  readonly bands: readonly string[];
  readonly score?: ScoreSource | undefined;
}

/** The second pass. */
export class Counting {
  readonly surfaces: Groups = new Groups(Object.keys(SURFACE).length);
  readonly magnitudes: Groups = new Groups(Object.keys(MAGNITUDE).length);
  readonly snr: GroupMedians = new GroupMedians();
  readonly words: Words = {
    splits: new Dictionary(),
    regions: new Dictionary(),
    sets: new Dictionary(),
    modes: new Dictionary(),
  };
  readonly counts = { rows: 0, injections: 0, controls: 0, others: 0, psfFromManifest: 0, withoutWeight: 0 };
  readonly #provenance = new Map<string, number>();
  readonly #axes: Axes;
  readonly #rule: RecoveryRule;
  readonly #options: CountingOptions;

  constructor(axes: Axes, rule: RecoveryRule, options: CountingOptions) {
    this.#axes = axes;
    this.#rule = rule;
    this.#options = options;
  }

  add(batch: TableBatch): void {
    const { band, bands, score } = this.#options;
    const columns = metricsColumnsOf(batch, band);
    const scores = score === undefined ? undefined : scoresOf(batch, score);
    const sources = bands.map((one) => ({ band: one, values: numbersOf(batch, `psf_source_${one}`) }));
    this.counts.rows += batch.rows;
    for (let row = 0; row < batch.rows; row++) {
      const kind = kindOf(columns, row);
      this.counts[`${kind}s`]++;
      if (kind !== 'injection') continue;
      this.#addRow(columns, row, scores === undefined ? Number.NaN : scores[row]);
      for (const { band: one, values } of sources) {
        const key = `${one} ${values[row]}`;
        this.#provenance.set(key, (this.#provenance.get(key) ?? 0) + 1);
      }
    }
  }

  readonly #facts: RowFacts = { cutoutOk: 0, arcSnr: 0, thetaOverPsf: 0, badPixelFrac: 0, wiseFrac: 0, score: 0 };
  readonly #codes = new Int32Array(Object.keys(SURFACE).length);
  readonly #magCodes = new Int32Array(Object.keys(MAGNITUDE).length);

  #addRow(columns: MetricsColumns, row: number, score: number): void {
    const [axes, facts, codes, magCodes, words] = [this.#axes, this.#facts, this.#codes, this.#magCodes, this.words];
    const used = columns.psfUsed[row];
    const known = Number.isFinite(used) && used > 0;
    if (!known) this.counts.psfFromManifest++;
    const psf = known ? used : columns.psfsize[row];
    const thetaOverPsf = psf > 0 ? columns.thetaE[row] / psf : Number.NaN;
    facts.cutoutOk = columns.cutoutOk[row];
    facts.arcSnr = columns.arcSnr[row];
    facts.thetaOverPsf = thetaOverPsf;
    facts.badPixelFrac = columns.badPixelFrac[row];
    facts.wiseFrac = columns.wiseFrac[row];
    facts.score = score;
    const verdict = judge(facts, this.#rule);
    codes[SURFACE.split] = words.splits.codeOf(columns.split[row]);
    codes[SURFACE.region] = words.regions.codeOf(columns.region[row]);
    codes[SURFACE.set] = words.sets.codeOf(columns.selectionSet[row]);
    codes[SURFACE.mode] = words.modes.codeOf(columns.rankingMode[row]);
    codes[SURFACE.thetaE] = axes.thetaE.codeOf(columns.thetaE[row]);
    codes[SURFACE.dmag] = axes.dmag.codeOf(columns.dmag[row]);
    codes[SURFACE.reff] = axes.reff.codeOf(columns.reff[row]);
    codes[SURFACE.psf] = psf > 0 ? axes.psf.codeOf(psf) : MISSING;
    codes[SURFACE.depth] = axes.depth.codeOf(columns.depth[row]);
    codes[SURFACE.resolution] = axes.resolution.codeOf(thetaOverPsf);
    magCodes[MAGNITUDE.region] = codes[SURFACE.region];
    magCodes[MAGNITUDE.thetaE] = codes[SURFACE.thetaE];
    magCodes[MAGNITUDE.mag] = axes.mag.codeOf(sourceMag(columns, row));
    const weight = columns.weight[row];
    const group = this.surfaces.idOf(codes);
    const magGroup = this.magnitudes.idOf(magCodes);
    if (!(weight > 0)) this.counts.withoutWeight++;
    for (const [groups, id] of [
      [this.surfaces, group],
      [this.magnitudes, magGroup],
    ] as const) {
      groups.addCount(id, 'attempt', 1);
      groups.addCount(id, 'validAll', verdict.validAll);
      groups.addCount(id, 'validClean', verdict.validClean);
      groups.addCount(id, 'recoveredAll', verdict.recoveredAll);
      groups.addCount(id, 'recoveredClean', verdict.recoveredClean);
      groups.addCount(id, 'snrOnly', verdict.snrOnly);
      groups.addCount(id, 'resOnly', verdict.resOnly);
      groups.addCount(id, 'scoreMissing', verdict.scoreMissing);
      if (weight > 0 && verdict.validAll === 1) {
        groups.addSum(id, 'wAll', weight);
        groups.addSum(id, 'w2All', weight * weight);
        groups.addSum(id, 'wRecoveredAll', weight * verdict.recoveredAll);
        if (verdict.validClean === 1) {
          groups.addSum(id, 'wClean', weight);
          groups.addSum(id, 'w2Clean', weight * weight);
          groups.addSum(id, 'wRecoveredClean', weight * verdict.recoveredClean);
        }
      }
    }
    if (Number.isFinite(facts.arcSnr)) {
      this.surfaces.addCount(group, 'snrCount', 1);
      this.surfaces.addSum(group, 'snrSum', facts.arcSnr);
      this.snr.add(group, facts.arcSnr);
    }
    if (Number.isFinite(thetaOverPsf)) {
      this.surfaces.addCount(group, 'resolutionCount', 1);
      this.surfaces.addSum(group, 'resolutionSum', thetaOverPsf);
    }
  }

  provenance(): PsfProvenance[] {
    const rows = [...this.#provenance].map(([key, count]) => {
      const [band, source] = key.split(' ');
      return { band, source: source === 'NaN' ? null : Number(source), count };
    });
    const order = (of: PsfProvenance) => this.#options.bands.indexOf(of.band) * 100 + (of.source ?? 99);
    return rows.sort((a, b) => order(a) - order(b));
  }
}
