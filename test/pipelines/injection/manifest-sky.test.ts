import { describe, expect, it } from 'vitest';
import { PhiloxStream, philoxKey } from '../../../src/core/rng.ts';
import { typeDepths } from '../../../src/pipelines/injection/manifest/depths.ts';
import { SkyZones } from '../../../src/pipelines/injection/manifest/near.ts';
import { groupRows } from '../../../src/pipelines/injection/manifest/plan.ts';
import { splitOfRegion } from '../../../src/pipelines/injection/manifest/splits.ts';
import { binOf, quartileEdges } from '../../../src/pipelines/injection/manifest/strata.ts';
import { hostRows, newFolder, rowsOf, runManifest, writeCsvRows } from './manifest-support.ts';

const RAD = Math.PI / 180;
const separationDeg = (a: readonly [number, number], b: readonly [number, number]): number => {
  const sinDec = Math.sin(((a[1] - b[1]) * RAD) / 2) ** 2;
  const sinRa = Math.sin(((a[0] - b[0]) * RAD) / 2) ** 2;
  return (2 * Math.asin(Math.sqrt(sinDec + Math.cos(a[1] * RAD) * Math.cos(b[1] * RAD) * sinRa))) / RAD;
};

/** Points all over a patch, as a search without an index would see them. */
function points(
  count: number,
  seed: number,
  place: (u: number, v: number) => readonly [number, number],
): (readonly [number, number])[] {
  const stream = new PhiloxStream(philoxKey(seed));
  return Array.from({ length: count }, () => place(stream.uniform(), stream.uniform()));
}

describe('neighbours on the sphere', () => {
  it.each([
    ['an equatorial field', 0.3, (u: number, v: number) => [150 + 10 * u, 10 * v - 5] as const],
    ['RA through 0', 0.4, (u: number, v: number) => [(355 + 10 * u) % 360, 10 * v - 5] as const],
    ['a pole', 0.3, (u: number, v: number) => [360 * u, 90 - 8 * Math.sqrt(v)] as const],
    ['the other pole', 0.3, (u: number, v: number) => [360 * u, -90 + 8 * Math.sqrt(v)] as const],
    ['all of it', 8, (u: number, v: number) => [360 * u, Math.asin(2 * v - 1) / RAD] as const],
  ])('%s: what a search of every pair finds', (_, radius, place) => {
    const field = points(500, 3, place);
    const labels = Uint8Array.from(field, (_, index) => (index * 7) % 3);
    const dec = Float64Array.from(field, ([, value]) => value);
    const all = new SkyZones(
      field.map(([ra]) => ra),
      dec,
      radius,
    );
    const other = new SkyZones(
      field.map(([ra]) => ra),
      dec,
      radius,
      labels,
    );
    let found = 0;
    for (const [index, position] of points(300, 4, place).entries()) {
      const near = field.map((point) => separationDeg(point, position) < radius);
      const label = index % 3;
      expect(all.hasNear(...position)).toBe(near.includes(true));
      expect(other.hasNear(...position, label)).toBe(near.some((isNear, point) => isNear && labels[point] !== label));
      if (near.includes(true)) found++;
    }
    expect(found).toBeGreaterThan(20);
    expect(found).toBeLessThan(300);
  });
});

describe('splits', () => {
  it('regions fall into the splits by their shares, each by its own hash, and another seed deals again', () => {
    const counts = [0, 0, 0];
    const regions = 20_000;
    for (let region = 0; region < regions; region++) counts[splitOfRegion(region, 13, 0.15, 0.2)]++;
    const wanted = [0.15, 0.65, 0.2];
    for (const [split, count] of counts.entries())
      expect(Math.abs(count / regions - wanted[split])).toBeLessThan(
        4 * Math.sqrt((wanted[split] * (1 - wanted[split])) / regions),
      );
    const moved = Array.from(
      { length: 1000 },
      (_, region) => splitOfRegion(region, 13, 0.15, 0.2) !== splitOfRegion(region, 14, 0.15, 0.2),
    );
    expect(moved.filter(Boolean).length).toBeGreaterThan(300);
  });

  it('by HEALPix cell: hosts of one cell have one split, the cell is region_id, and shares are in the record with a warning where they are off', async () => {
    const folder = newFolder();
    const hosts = hostRows(1500, 30);
    const targets = writeCsvRows(folder, 'targets.csv', hosts);
    const run = await runManifest({
      targets,
      output: folder,
      tiers: ['train'],
      replicates: 1,
      split_by: 'healpix',
      healpix_nside: 8,
    });
    const rows = await rowsOf(run.config);
    expect(rows).toHaveLength(1500);
    const splitOfCell = new Map<unknown, unknown>();
    for (const row of rows) {
      expect(Number(row.healpix)).toBe(row.region_id);
      expect(splitOfCell.get(row.region_id) ?? row.region_split).toBe(row.region_split);
      splitOfCell.set(row.region_id, row.region_split);
    }
    expect(splitOfCell.size).toBeGreaterThan(10);
    const shares = run.facts['splits'] as { split: string; hosts: number; rows: number; wanted_share: number }[];
    expect(shares.map(({ split, wanted_share }) => [split, wanted_share])).toEqual([
      ['test', 0.15],
      ['train', 0.7],
      ['val', 0.15],
    ]);
    expect(shares.reduce((sum, { hosts: count }) => sum + count, 0)).toBe(1500);
    expect(shares.every(({ hosts: count, rows: own }) => count === own)).toBe(true);
    const off = await runManifest({
      targets,
      output: folder,
      variant: 'off',
      tiers: ['debug'],
      split_by: 'healpix',
      healpix_nside: 1,
    });
    expect(off.result.summary.filter((line) => /^Note: Hosts are split test/.test(line))).toHaveLength(1);
  });

  it('hosts within the guard of another split are left out on both sides, the others stay', async () => {
    const folder = newFolder();
    const line = Array.from({ length: 200 }, (_, index) => ({
      brickname: '0100p000',
      ra: 10 + index / 3600,
      dec: 0,
      rmag: 19,
      region_split: index < 100 ? 'train' : 'test',
    }));
    const targets = writeCsvRows(folder, 'line.csv', line);
    // One host per arcsec along the equator: the border is between 99 and 100, and 9.5 arcsec reach nine hosts beyond the nearest.
    const run = await runManifest({
      targets,
      output: folder,
      tiers: ['train'],
      control_frac_train: 0,
      replicates: 1,
      guard_arcsec: 9.5,
    });
    expect(run.facts['rejected']).toEqual({ near_other_split: 18 });
    const kept = (await rowsOf(run.config)).map(({ ra }) => Math.round((ra - 10) * 3600)).sort((a, b) => a - b);
    expect(kept).toEqual([...Array(91).keys(), ...Array.from({ length: 91 }, (_, index) => 109 + index)]);
  });
});

describe('known lenses', () => {
  it('hosts within the radius are left out and listed, across RA 0 too', async () => {
    const folder = newFolder();
    const hosts = [359.9999, 0.0001, 0.01, 180].map((ra) => ({
      brickname: '0000p000',
      ra,
      dec: 0.5,
      rmag: 19,
      region_split: 'train',
    }));
    const lenses = writeCsvRows(folder, 'lenses.csv', [
      { name: 'a', ra: 0.001, dec: 0.5 },
      { name: 'b', ra: 'nan', dec: 3 } as never,
    ]);
    const config = {
      targets: writeCsvRows(folder, 'hosts.csv', hosts),
      output: folder,
      known_lenses: lenses,
      tiers: ['train'],
      control_frac_train: 0,
    };
    const run = await runManifest({ ...config, known_lens_radius_arcsec: 5 });
    expect(run.facts['rejected']).toEqual({ near_known_lens: 2 });
    expect(new Set((await rowsOf(run.config)).map(({ ra }) => ra))).toEqual(new Set([0.01, 180]));
    // What was asked for is no failure.
    expect(run.result.failures).toEqual([]);
  });
});

describe('strata and parts', () => {
  it('quartile edges are values of the bricks; bins are closed below, the last one above too', () => {
    const edges = quartileEdges(Float64Array.from([5, 1, 4, 2, 3, 8, 7, 6]));
    expect(edges).toEqual([1, 2, 4, 6, 8]);
    expect([0.5, 1, 1.9, 2, 3.9, 4, 6, 8, 9].map((value) => binOf(value, edges ?? []))).toEqual([0, 0, 0, 1, 1, 2, 3, 3, 3]);
    expect(binOf(Number.NaN, edges ?? [])).toBe(-1);
    expect(quartileEdges(new Float64Array(0))).toBeUndefined();
  });

  it('depths: magnitudes stay, inverse variances become 22.5 - 2.5 log10(5/sqrt(psfdepth)), and no coverage is no depth', () => {
    const magnitudes = Float64Array.from([23.5, 24.1, 0, 22.9]);
    expect(typeDepths(magnitudes, undefined)).toBe('magnitude');
    expect([...magnitudes]).toEqual([23.5, 24.1, Number.NaN, 22.9]);
    const variances = Float64Array.from([400, 100, 0, 900]);
    expect(typeDepths(variances, undefined)).toBe('inverse_variance');
    expect(variances[0]).toBeCloseTo(22.5 - 2.5 * Math.log10(5 / 20), 12);
    // Where numbers could be either, the unit says.
    expect(typeDepths(Float64Array.from([24, 23]), '1/nanomaggy^2')).toBe('inverse_variance');
    expect(typeDepths(Float64Array.from([12, 11]), 'mag')).toBe('magnitude');
    expect(typeDepths(Float64Array.from([0, Number.NaN]), undefined)).toBe('absent');
  });

  it('groups: of one split, at most part_rows, whole bricks, big ones in equal pieces of their own', () => {
    const bricks = [30, 30, 50, 250, 10, 90, 20].flatMap((rows, brick) => new Array<number>(rows).fill(brick));
    const split = (row: number) => (bricks[row] < 5 ? 0 : 1);
    expect(groupRows(bricks.length, split, (row) => bricks[row], 100).map(({ from, to }) => to - from)).toEqual([
      60, 50, 83, 84, 83, 10, 90, 20,
    ]);
    expect(groupRows(0, split, (row) => bricks[row], 100)).toEqual([]);
  });
});
