/** Completeness over one or two axes, all regions, sets and splits together, with the error from region to region. */
import { type Axis, MISSING, type Range } from './axes.ts';
import { type Axes, MAGNITUDE, SURFACE } from './counting.ts';
import { collapse, type Groups, membersOf } from './groups.ts';
import type { Completeness } from './measure.ts';
import { completenessOf, type IntervalOptions, type Ratio, type Spread, spreadOf, weightedOf } from './ratios.ts';

/** One cell, of clean rows. */
export interface MapCell {
  readonly codes: readonly number[];
  /** Along each axis. */
  readonly ranges: readonly Range[];
  readonly attempt: number;
  readonly valid: number;
  readonly recovered: number;
  readonly ratio: Ratio;
  readonly spread: Spread;
  readonly weighted: (Ratio & { effective: number }) | undefined;
}

export interface CompletenessMap {
  readonly name: string;
  readonly axes: readonly Axis[];
  /** In the order of their codes; cells without injections are not there. */
  readonly cells: readonly MapCell[];
  /** Injections that have no place on an axis, because the value is missing. */
  readonly unplaced: number;
}

interface Along {
  readonly dimension: number;
  readonly axis: Axis;
}

function mapOf(
  name: string,
  groups: Groups,
  region: number,
  along: readonly Along[],
  result: Completeness,
  options: IntervalOptions,
): CompletenessMap {
  const byRegion = collapse(groups, [...along, { dimension: region }]).groups;
  const { groups: cells, into } = collapse(
    byRegion,
    along.map((_, dimension) => ({ dimension })),
  );
  const { starts, members } = membersOf(into, cells.size);
  const found: MapCell[] = [];
  let unplaced = 0;
  for (let id = 0; id < cells.size; id++) {
    const codes = along.map((_, dimension) => cells.code(id, dimension));
    if (codes.includes(MISSING)) {
      unplaced += cells.count(id, 'attempt');
      continue;
    }
    found.push({
      codes,
      ranges: codes.map((code, at) => along[at].axis.rangeOf(code)),
      attempt: cells.count(id, 'attempt'),
      valid: cells.count(id, 'validClean'),
      recovered: cells.count(id, 'recoveredClean'),
      ratio: completenessOf(cells, id, 'Clean', options),
      spread: spreadOf(byRegion, members.subarray(starts[id], starts[id + 1]), 'Clean'),
      weighted: result.weighted ? weightedOf(cells, id, 'Clean', options) : undefined,
    });
  }
  found.sort((a, b) => a.codes.reduce((difference, code, at) => difference || code - b.codes[at], 0));
  return { name, axes: along.map(({ axis }) => axis), cells: found, unplaced };
}

const along = (axes: Axes, ...names: readonly (keyof Axes & keyof typeof SURFACE)[]): Along[] =>
  names.map((name) => ({ dimension: SURFACE[name], axis: axes[name] }));

export type CompletenessMaps = Readonly<
  Record<'total' | 'thetaE' | 'resolution' | 'thetaEMag' | 'thetaEPsf' | 'thetaEDepth', CompletenessMap>
>;

/** The maps that are drawn and written. */
export function completenessMaps(result: Completeness, options: IntervalOptions): CompletenessMaps {
  const { axes, surfaces, magnitudes } = result;
  const surface = (name: string, ...names: readonly (keyof Axes & keyof typeof SURFACE)[]) =>
    mapOf(name, surfaces, SURFACE.region, along(axes, ...names), result, options);
  const byMag: Along[] = [
    { dimension: MAGNITUDE.thetaE, axis: axes.thetaE },
    { dimension: MAGNITUDE.mag, axis: axes.mag },
  ];
  return {
    total: surface('total'),
    thetaE: surface('theta_e', 'thetaE'),
    resolution: surface('resolution', 'resolution'),
    thetaEMag: mapOf('theta_e_x_src_mag_r', magnitudes, MAGNITUDE.region, byMag, result, options),
    thetaEPsf: surface('theta_e_x_psf', 'thetaE', 'psf'),
    thetaEDepth: surface('theta_e_x_depth', 'thetaE', 'depth'),
  };
}

/** Clean counts of each region, all else together. */
export function regionCounts({ surfaces, words }: Completeness): { region: number; valid: number; recovered: number }[] {
  const { groups } = collapse(surfaces, [{ dimension: SURFACE.region }]);
  return Array.from({ length: groups.size }, (_, id) => ({
    region: words.regions.words[groups.code(id, 0)],
    valid: groups.count(id, 'validClean'),
    recovered: groups.count(id, 'recoveredClean'),
  })).sort((a, b) => a.region - b.region);
}
