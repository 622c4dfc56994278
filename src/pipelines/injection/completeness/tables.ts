/** The tables of completeness, by the names of the originals; ours stand behind them. */
import type { ScalarColumn, ScalarType, TableBatch, TableSchema } from '../../../io/table.ts';
import { type Axis, MISSING, RESOLUTION_LABELS } from './axes.ts';
import { SURFACE } from './counting.ts';
import { type Count, collapse, type Groups, type Kept, membersOf, type Sum } from './groups.ts';
import type { Completeness } from './measure.ts';
import { MEDIAN_RELATIVE_ERROR } from './medians.ts';
import { completenessOf, type IntervalOptions, spreadOf, weightedOf } from './ratios.ts';

type Cell = number | string | null;

/** A column and how a group's value in it is found. */
interface Field {
  readonly column: ScalarColumn;
  readonly value: (id: number) => Cell;
}

export interface Table {
  readonly schema: TableSchema;
  readonly rows: number;
  batches(): Generator<TableBatch>;
}

const BATCH_ROWS = 2 ** 16;

function tableOf(fields: readonly Field[], ids: ArrayLike<number>, metadata: Readonly<Record<string, string>> = {}): Table {
  return {
    schema: { columns: fields.map(({ column }) => column), metadata },
    rows: ids.length,
    *batches() {
      for (let start = 0; start < ids.length; start += BATCH_ROWS) {
        const rows = Math.min(BATCH_ROWS, ids.length - start);
        const columns = fields.map(() => new Array<Cell>(rows));
        // Row by row: fields of one group share what is computed for it.
        for (let row = 0; row < rows; row++) {
          fields.forEach(({ value }, index) => {
            columns[index][row] = value(ids[start + row]);
          });
        }
        yield { rows, columns: Object.fromEntries(fields.map(({ column }, index) => [column.name, columns[index]])) };
      }
    },
  };
}

function field(name: string, type: ScalarType, unit: string, description: string, value: (id: number) => Cell): Field {
  return { column: { name, type, nullable: true, ...(unit === '' ? {} : { unit }), description }, value };
}
const real = (name: string, unit: string, description: string, value: (id: number) => number | null) =>
  field(name, 'float64', unit, description, (id) => finite(value(id)));
const count = (name: string, description: string, value: (id: number) => number) =>
  field(name, 'int32', '', description, (id) => finite(value(id)));

const finite = (value: number | null) => (value !== null && Number.isFinite(value) ? value : null);

/** The same function, computed once while it is asked for one group. */
function once<T>(of: (id: number) => T): (id: number) => T {
  let last: { id: number; value: T } | undefined;
  return (id) => {
    if (last?.id !== id) last = { id, value: of(id) };
    return last.value;
  };
}

/** Columns that say which group a row is; `groups` may lack the region, its dimensions are then shifted. */
function keyFields({ axes, words }: Completeness, groups: Groups, at: (dimension: number) => number): Field[] {
  const code = (dimension: number) => (id: number) => groups.code(id, at(dimension));
  const middle = (dimension: number, axis: Axis) => (id: number) => {
    const found = code(dimension)(id);
    return found === MISSING ? null : axis.rangeOf(found).middle;
  };
  const bin = (name: string, dimension: number, { label, unit, width }: Axis) =>
    field(name, 'int32', '', `${label}: floor(value / ${width} ${unit ?? ''})`, (id) => {
      const found = code(dimension)(id);
      return found === MISSING ? null : found;
    });
  return [
    field('region_split', 'string', '', 'train, val or test', (id) => words.splits.words[code(SURFACE.split)(id)]),
    field('selection_set_id', 'string', '', '', (id) => words.sets.words[code(SURFACE.set)(id)]),
    field('ranking_mode', 'string', '', '', (id) => words.modes.words[code(SURFACE.mode)(id)]),
    real('theta_e_arcsec', 'arcsec', 'value of the grid, or middle of the bin', middle(SURFACE.thetaE, axes.thetaE)),
    real('src_dmag', 'mag', 'value of the grid, or middle of the bin', middle(SURFACE.dmag, axes.dmag)),
    real('src_reff_arcsec', 'arcsec', 'value of the grid, or middle of the bin', middle(SURFACE.reff, axes.reff)),
    bin('psf_bin', SURFACE.psf, axes.psf),
    bin('depth_bin', SURFACE.depth, axes.depth),
    field(
      'resolution_bin',
      'string',
      '',
      'Einstein radius over PSF FWHM',
      (id) => RESOLUTION_LABELS[code(SURFACE.resolution)(id)] ?? null,
    ),
  ];
}

/** Ratios of one subset with every row counted by its weight. */
function weightedFields(groups: Groups, options: IntervalOptions): Field[] {
  return (['All', 'Clean'] as const).flatMap((subset) => {
    const suffix = subset.toLowerCase();
    const of = once((id) => weightedOf(groups, id, subset, options));
    return [
      real(
        `completeness_weighted_${suffix}`,
        '',
        'recovered / valid, rows counted by cross_section_weight',
        (id) => of(id).value,
      ),
      real(`n_effective_${suffix}`, '', '(sum w)^2 / sum w^2 of the valid rows', (id) => of(id).effective),
      real(`ci_low_weighted_${suffix}`, '', 'interval of as many rows without weights', (id) => of(id).low),
      real(`ci_high_weighted_${suffix}`, '', 'interval of as many rows without weights', (id) => of(id).high),
    ];
  });
}

const over = (groups: Groups, id: number, successes: Count, trials: Count) =>
  groups.count(id, successes) / groups.count(id, trials);
const mean = (groups: Groups, id: number, sum: Sum, count: Count) => groups.sum(id, sum) / groups.count(id, count);

/** One row per region and group of the originals: `completeness_surfaces`. */
export function surfacesTable(result: Completeness, options: IntervalOptions): Table {
  const { surfaces: groups, words } = result;
  const medians = result.snr.medians(groups.size);
  const all = once((id) => completenessOf(groups, id, 'All', options));
  const clean = once((id) => completenessOf(groups, id, 'Clean', options));
  const fields: Field[] = [
    count('region_id', '', (id) => words.regions.words[groups.code(id, SURFACE.region)]),
    ...keyFields(result, groups, (dimension) => dimension),
    count('n_attempt', 'injections', (id) => groups.count(id, 'attempt')),
    count('n_valid_all', 'cutout whole, arc_snr and theta_E / PSF known', (id) => groups.count(id, 'validAll')),
    count('n_valid_clean', 'valid, few bad pixels, little WISE masking', (id) => groups.count(id, 'validClean')),
    count('n_recovered_all', '', (id) => groups.count(id, 'recoveredAll')),
    count('n_recovered_clean', '', (id) => groups.count(id, 'recoveredClean')),
    count('n_recovered_snr_only', 'valid and bright enough', (id) => groups.count(id, 'snrOnly')),
    count('n_recovered_res_only', 'valid and large enough', (id) => groups.count(id, 'resOnly')),
    real('arc_snr_mean', '', 'of the injections that have one', (id) => mean(groups, id, 'snrSum', 'snrCount')),
    real('arc_snr_p50', '', `median, to a relative error of ${MEDIAN_RELATIVE_ERROR}`, (id) => medians[id]),
    real('theta_over_psf_mean', '', '', (id) => mean(groups, id, 'resolutionSum', 'resolutionCount')),
    real('completeness_valid_all', '', 'recovered / valid', (id) => over(groups, id, 'recoveredAll', 'validAll')),
    real('completeness_valid_clean', '', 'recovered / valid', (id) => over(groups, id, 'recoveredClean', 'validClean')),
    real('completeness_overall_all', '', 'recovered / attempted', (id) => over(groups, id, 'recoveredAll', 'attempt')),
    real('completeness_overall_clean', '', 'recovered / attempted', (id) => over(groups, id, 'recoveredClean', 'attempt')),
    real('valid_frac_all', '', 'valid / attempted', (id) => over(groups, id, 'validAll', 'attempt')),
    real('valid_frac_clean', '', 'valid / attempted', (id) => over(groups, id, 'validClean', 'attempt')),
    real('ci_low_valid_all', '', 'of completeness_valid_all', (id) => all(id).low),
    real('ci_high_valid_all', '', 'of completeness_valid_all', (id) => all(id).high),
    real('ci_low_valid_clean', '', 'of completeness_valid_clean', (id) => clean(id).low),
    real('ci_high_valid_clean', '', 'of completeness_valid_clean', (id) => clean(id).high),
    ...(result.score === undefined
      ? []
      : [count('n_score_missing', 'valid, but without a score: not recovered', (id) => groups.count(id, 'scoreMissing'))]),
    ...(result.weighted ? weightedFields(groups, options) : []),
  ];
  return tableOf(fields, sortedIds(groups, wordOrder(result, Object.values(SURFACE))));
}

const POOLED: readonly Kept[] = Object.values(SURFACE)
  .filter((dimension) => dimension !== SURFACE.region)
  .map((dimension) => ({ dimension }));

/** The groups with their regions put together: `completeness_surfaces_region_agg`. */
export function pooledTable(result: Completeness, options: IntervalOptions): Table {
  const { surfaces } = result;
  const { groups, into } = collapse(surfaces, POOLED);
  const { starts, members } = membersOf(into, groups.size);
  const medians = result.snr.medians(groups.size, into);
  const subsetFields = (subset: 'All' | 'Clean'): Field[] => {
    const suffix = subset.toLowerCase();
    const of = once((id) => spreadOf(surfaces, members.subarray(starts[id], starts[id + 1]), subset));
    const pooled = once((id) => completenessOf(groups, id, subset, options));
    return [
      real(`completeness_valid_${suffix}_mean`, '', 'over the regions, each counting once', (id) => of(id).mean),
      real(`completeness_valid_${suffix}_std`, '', 'sample standard deviation over the regions', (id) => of(id).std),
      real(`completeness_valid_${suffix}_pooled`, '', 'recovered / valid of all regions together', (id) => pooled(id).value),
      real(
        `completeness_valid_${suffix}_jackknife`,
        '',
        'error of the pooled value, one region left out at a time',
        (id) => of(id).jackknife,
      ),
      real(`ci_low_pooled_${suffix}`, '', '', (id) => pooled(id).low),
      real(`ci_high_pooled_${suffix}`, '', '', (id) => pooled(id).high),
    ];
  };
  const fields: Field[] = [
    ...keyFields(result, groups, (dimension) => POOLED.findIndex((kept) => kept.dimension === dimension)),
    count('n_regions', 'regions with injections', (id) => starts[id + 1] - starts[id]),
    count('n_attempt_total', '', (id) => groups.count(id, 'attempt')),
    count('n_valid_all_total', '', (id) => groups.count(id, 'validAll')),
    count('n_valid_clean_total', '', (id) => groups.count(id, 'validClean')),
    count('n_recovered_all_total', '', (id) => groups.count(id, 'recoveredAll')),
    count('n_recovered_clean_total', '', (id) => groups.count(id, 'recoveredClean')),
    real('arc_snr_mean', '', 'of the injections that have one', (id) => mean(groups, id, 'snrSum', 'snrCount')),
    real('arc_snr_p50', '', `median, to a relative error of ${MEDIAN_RELATIVE_ERROR}`, (id) => medians[id]),
    real('theta_over_psf_mean', '', '', (id) => mean(groups, id, 'resolutionSum', 'resolutionCount')),
    ...subsetFields('All'),
    ...subsetFields('Clean'),
    ...(result.weighted ? weightedFields(groups, options) : []),
  ];
  return tableOf(fields, sortedIds(groups, wordOrder(result, POOLED.map(({ dimension }) => dimension)))); // biome-ignore format: one call
}

/** Ranks that put codes of words in the order of the words; undefined for dimensions whose codes are in order already. */
function wordOrder({ words }: Completeness, dimensions: readonly number[]): (Int32Array | undefined)[] {
  const ranks = (found: readonly (string | number | null)[]) => {
    // What is missing comes first.
    const known = found.map((word) => (word === null || Number.isNaN(word) ? '' : word));
    const order = [...known.keys()].sort((a, b) => (known[a] < known[b] ? -1 : known[a] > known[b] ? 1 : 0));
    const rank = new Int32Array(found.length);
    order.forEach((code, at) => {
      rank[code] = at;
    });
    return rank;
  };
  const { splits, regions, sets, modes } = words;
  const byDimension = new Map([
    [SURFACE.split as number, ranks(splits.words)],
    [SURFACE.region, ranks(regions.words)],
    [SURFACE.set, ranks(sets.words)],
    [SURFACE.mode, ranks(modes.words)],
  ]);
  return dimensions.map((dimension) => byDimension.get(dimension));
}

/** Groups in the order of their codes, the first dimension first: the table does not depend on the order of the rows. */
function sortedIds(groups: Groups, ranks: readonly (Int32Array | undefined)[]): Uint32Array {
  const rankOf = (id: number, dimension: number) => {
    const code = groups.code(id, dimension);
    return ranks[dimension]?.[code] ?? code;
  };
  return new Uint32Array(groups.size)
    .map((_, id) => id)
    .sort((a, b) => {
      for (let dimension = 0; dimension < groups.dimensions; dimension++) {
        const difference = rankOf(a, dimension) - rankOf(b, dimension);
        if (difference !== 0) return difference;
      }
      return 0;
    });
}

const PSF_SOURCES = ['map', 'manifest', 'reference band', 'fallback'];

/** Where the PSF sizes of the injections came from, by band. */
export function provenanceTable({ provenance, counts }: Completeness): Table {
  const fields: Field[] = [
    field('band', 'string', '', '', (id) => provenance[id].band),
    field(
      'psf_source',
      'int32',
      '',
      '0 map, 1 manifest, 2 reference band, 3 fallback; null not recorded',
      (id) => provenance[id].source,
    ),
    field('psf_source_name', 'string', '', '', (id) => PSF_SOURCES[provenance[id].source ?? -1] ?? null),
    count('n', 'injections', (id) => provenance[id].count),
    real('fraction', '', 'of the injections', (id) => provenance[id].count / counts.injections),
  ];
  return tableOf(fields, [...provenance.keys()]);
}
