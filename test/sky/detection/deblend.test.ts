import { describe, expect, it } from 'vitest';
import { PhiloxStream, philoxKey } from '../../../src/core/rng.ts';
import { type Core, Deblender } from '../../../src/sky/detection/deblend.ts';
import { extract } from '../../../src/sky/detection/extract.ts';
import { ObjectPixels } from '../../../src/sky/detection/extract-buffers.ts';

/** Smooth light of many peaks on a disc, with gaps. */
function clumps(side: number, seed: number, peaks: number): ObjectPixels {
  const random = new PhiloxStream(philoxKey(seed), [9, 9, 9]);
  const centres = Array.from({ length: peaks }, () => ({
    x: random.uniform() * side,
    y: random.uniform() * side,
    height: 10 ** (0.5 + 2 * random.uniform()),
    width: 1 + 2 * random.uniform(),
  }));
  const pixels = new ObjectPixels(false, false);
  pixels.reset(side * side);
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      if ((x * 7 + y * 13) % 31 === 0) continue;
      let value = 1.5 + 0.3 * random.uniform();
      for (const c of centres) value += c.height * Math.exp(-((x - c.x) ** 2 + (y - c.y) ** 2) / (2 * c.width ** 2));
      pixels.x[pixels.count] = x;
      pixels.y[pixels.count] = y;
      pixels.filtered[pixels.count++] = value;
    }
  return pixels;
}

/** The tree as Bertin & Arnouts tell it: label every branch again at every level, from the bottom up. */
function coresByTheBook(pixels: ObjectPixels, thresh: number, levels: number, contrast: number, minarea: number): string[] {
  const { count, x, y, filtered } = pixels;
  const index = new Map<number, number>();
  for (let p = 0; p < count; p++) index.set(y[p] * 10000 + x[p], p);
  let peak = 0;
  let flux = 0;
  for (let p = 0; p < count; p++) {
    peak = Math.max(peak, filtered[p]);
    flux += filtered[p];
  }
  const height = (k: number) => thresh * (peak / thresh) ** (k / levels);
  const found: string[] = [];
  const parts = (members: number[], k: number): number[][] => {
    const left = new Set(members.filter((p) => filtered[p] > height(k)));
    const out: number[][] = [];
    for (const first of left) {
      left.delete(first);
      const part = [first];
      for (let i = 0; i < part.length; i++)
        for (let dy = -1; dy <= 1; dy++)
          for (let dx = -1; dx <= 1; dx++) {
            const q = index.get((y[part[i]] + dy) * 10000 + x[part[i]] + dx);
            if (q !== undefined && left.delete(q)) part.push(q);
          }
      if (part.length >= minarea) out.push(part);
    }
    return out;
  };
  /** True while nothing in this branch was split. */
  const visit = (members: number[], k: number): boolean => {
    if (k + 1 >= levels) return true;
    const sons = parts(members, k + 1).map((part) => ({ part, whole: visit(part, k + 1) }));
    const standing = sons.filter(
      ({ part }) => part.reduce((sum, p) => sum + filtered[p], 0) - height(k + 1) * part.length > contrast * flux,
    );
    if (standing.length > 1) {
      for (const { part, whole } of standing) if (whole) found.push(part.sort((p, q) => p - q).join());
      return false;
    }
    return sons.every(({ whole }) => whole);
  };
  visit(
    Array.from({ length: count }, (_, p) => p),
    0,
  );
  return found.sort();
}

const asText = (cores: Core[]) => cores.map((core) => [...core.pixels].join()).sort();

describe('deblending', () => {
  it('finds the cores that labelling every level again finds', () => {
    let most = 0;
    for (const [seed, contrast, levels] of [
      [1, 0.005, 32],
      [2, 0.001, 32],
      [3, 0, 32],
      [4, 0.0001, 64],
      [5, 0.005, 8],
    ] as const) {
      const pixels = clumps(56, seed, 14);
      const peak = pixels.filtered.subarray(0, pixels.count).reduce((p, q) => Math.max(p, q));
      const flux = pixels.filtered.subarray(0, pixels.count).reduce((p, q) => p + q);
      const cores = new Deblender({ levels, contrast, minarea: 5 }).cores(pixels, 1.5, peak, flux);
      expect(asText(cores)).toEqual(coresByTheBook(pixels, 1.5, levels, contrast, 3));
      most = Math.max(most, cores.length);
    }
    expect(most).toBeGreaterThan(8);
  });

  it('leaves one peak, contrast 1 and one level alone', () => {
    const pixels = clumps(40, 7, 6);
    const peak = pixels.filtered.subarray(0, pixels.count).reduce((p, q) => Math.max(p, q));
    const flux = pixels.filtered.subarray(0, pixels.count).reduce((p, q) => p + q);
    expect(new Deblender({ levels: 32, contrast: 0.001, minarea: 5 }).cores(pixels, 1.5, peak, flux).length).toBeGreaterThan(1);
    expect(new Deblender({ levels: 32, contrast: 1, minarea: 5 }).cores(pixels, 1.5, peak, flux)).toEqual([]);
    expect(new Deblender({ levels: 1, contrast: 0, minarea: 5 }).cores(pixels, 1.5, peak, flux)).toEqual([]);
    expect(new Deblender({ levels: 32, contrast: 0, minarea: 5 }).cores(pixels, peak, peak, flux)).toEqual([]);
  });

  it('two equal stars share their light by halves, and every pixel goes to one of them', () => {
    const width = 80;
    const data = Float32Array.from({ length: width * 60 }, (_, i) => {
      const y = Math.floor(i / width);
      const r2 = (cx: number) => ((i % width) - cx) ** 2 + (y - 30) ** 2;
      return 500 * (1 + r2(32) / 12) ** -2.5 + 500 * (1 + r2(47) / 12) ** -2.5;
    });
    const { objects, segmentation, counts } = extract(
      { data, width, height: 60 },
      { thresh: 1, segmentation: true, filterKernel: null },
    );
    expect(counts.blends).toBe(1);
    expect(objects.count).toBe(2);
    expect([...objects.flag]).toEqual([1, 1]);
    expect(Math.abs(objects.flux[0] / objects.flux[1] - 1)).toBeLessThan(0.01);
    let above = 0;
    for (let p = 0; p < data.length; p++) {
      if (data[p] > 1) above++;
      expect(segmentation![p] > 0).toBe(data[p] > 1);
    }
    expect(objects.npix[0] + objects.npix[1]).toBe(above);
  });
});
