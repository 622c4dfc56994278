import { describe, expect, it } from 'vitest';
import { PhiloxStream, philoxKey } from '../../src/core/rng.ts';
import { SkyTree } from '../../src/sky/kd-tree.ts';

const RAD = Math.PI / 180;

/** Great-circle distance after Vincenty, in degrees. */
function vincenty(ra1: number, dec1: number, ra2: number, dec2: number): number {
  const [a, b, d] = [dec1 * RAD, dec2 * RAD, (ra2 - ra1) * RAD];
  const across = Math.cos(b) * Math.sin(d);
  const along = Math.cos(a) * Math.sin(b) - Math.sin(a) * Math.cos(b) * Math.cos(d);
  return Math.atan2(Math.hypot(across, along), Math.sin(a) * Math.sin(b) + Math.cos(a) * Math.cos(b) * Math.cos(d)) / RAD;
}

function cloud(seed: number, count: number, raRange: readonly [number, number], decRange: readonly [number, number]) {
  const stream = new PhiloxStream(philoxKey(seed), [0, 0, 0]);
  const ra = Float64Array.from({ length: count }, () => stream.between(...raRange));
  const dec = Float64Array.from({ length: count }, () => stream.between(...decRange));
  return { ra, dec };
}

describe('SkyTree', () => {
  it.each([
    ['all over the sky', [0, 360], [-90, 90]],
    ['across RA 0', [-0.05, 0.05], [10, 10.1]],
    ['at the pole', [0, 360], [89.9, 90]],
    ['at the south pole', [0, 360], [-90, -89.95]],
  ] as const)('finds what looking at every pair finds, %s', (_, raRange, decRange) => {
    const points = cloud(1, 700, raRange, decRange);
    const places = cloud(2, 150, raRange, decRange);
    const tree = new SkyTree(points.ra, points.dec);
    const radius = 0.4 * Math.sqrt((decRange[1] - decRange[0]) * 0.01);
    for (let k = 0; k < places.ra.length; k++) {
      const all = Array.from(points.ra, (ra, i) => vincenty(places.ra[k], places.dec[k], ra, points.dec[i]));
      const least = Math.min(...all);
      const found = tree.nearest(places.ra[k] + 720, places.dec[k]);
      expect(found?.index).toBe(all.indexOf(least));
      expect(found?.separationDeg).toBeCloseTo(least, 10);
      const near: number[] = [];
      tree.within(places.ra[k], places.dec[k], radius, (index, separationDeg) => {
        expect(separationDeg).toBeCloseTo(all[index], 10);
        near.push(index);
      });
      expect(near.sort((a, b) => a - b)).toEqual([...all.keys()].filter((i) => all[i] <= radius));
      expect(tree.nearest(places.ra[k], places.dec[k], radius)?.index).toBe(least <= radius ? all.indexOf(least) : undefined);
    }
  });

  it('gives the first of many points at one place, and stays fast on them', () => {
    const ra = new Float64Array(50_000).fill(10);
    const dec = new Float64Array(50_000).fill(-5);
    const tree = new SkyTree(ra, dec);
    expect(tree.nearest(10, -5, 0)).toEqual({ index: 0, separationDeg: 0 });
    let count = 0;
    tree.within(10, -5, 1e-9, () => count++);
    expect(count).toBe(50_000);
  });

  it('knows no points without a position, answers no place without one, and may be empty', () => {
    const tree = new SkyTree([Number.NaN, 20, Number.POSITIVE_INFINITY], [0, 30, 0]);
    expect(tree.size).toBe(1);
    expect(tree.nearest(0, 0)?.index).toBe(1);
    expect(tree.nearest(Number.NaN, 0)).toBeUndefined();
    expect(tree.nearest(20, 30, -1)).toBeUndefined();
    expect(tree.nearest(200, -30)).toEqual({ index: 1, separationDeg: expect.closeTo(180, 6) });
    expect(new SkyTree([], []).nearest(0, 0)).toBeUndefined();
  });

  it('resolves a milliarcsecond', () => {
    const mas = 1 / 3.6e6;
    const tree = new SkyTree([359.9999999, 0], [45, 45 + 3 * mas]);
    expect(tree.nearest(0, 45, 2.9 * mas)?.index).toBe(0);
    expect((tree.nearest(0, 45 + 3.5 * mas)?.separationDeg ?? 0) / mas).toBeCloseTo(0.5, 6);
  });
});
