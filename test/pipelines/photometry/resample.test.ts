import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PhiloxStream, philoxKey } from '../../../src/core/rng.ts';
import { openEngine } from '../../../src/engine/engine.ts';
import type { Engine } from '../../../src/engine/face.ts';
import { nodeEnvironment } from '../../../src/index.ts';
import type { Grid, ResampleSource } from '../../../src/pipelines/photometry/resample.ts';
import { type Wcs, wcsFromHeader } from '../../../src/sky/wcs/index.ts';
import { readNpz } from '../../support/npz.ts';
import { arraySource, BENT, cut, measure, starField, TPV, tan, whole } from '../../support/resample.ts';
import { hasShared, shared } from '../../support/shared.ts';

let engine: Engine;

beforeAll(async () => {
  engine = await openEngine({ backend: 'cpu', workers: 0 }, nodeEnvironment);
});
afterAll(() => engine.close());

describe('stars keep flux and place', () => {
  it.each([
    ['same scale, 30 degrees', 0.5, 30, 'TAN', {}, 200],
    ['same scale, half a pixel off, mirrored', 0.5, 180, 'TAN', {}, 200],
    ['pixels half as large, 75 degrees', 0.25, 75, 'TAN', {}, 400],
    ['pixels 1.6 times larger', 0.8, -20, 'TAN', {}, 160],
    ['pixels twice as large, 45 degrees', 1, 45, 'TAN', {}, 130],
    ['distorted source, same scale, 10 degrees', 0.5, 10, 'TPV', TPV, 200],
    ['distorted source, pixels half as large', 0.25, 0, 'TPV', TPV, 420],
  ] as const)('%s', async (_, scale, degrees, projection, more, side) => {
    const wcs = tan({ crpix: [100.3, 99.1], projection, more });
    const stars = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((k) => ({
      x: 50 + 47.31 * ((k - 1) % 3) + 0.11 * k,
      y: 50 + 46.87 * Math.floor((k - 1) / 3) - 0.13 * k,
      flux: 1000 * k,
    }));
    const { source } = arraySource(wcs, 200, 200, starField(200, 200, stars, 3.2));
    const target = { wcs: tan({ scale, degrees, crpix: [side / 2, side / 2] }), width: side, height: side };
    const { image, plan } = await whole(engine, source, target);
    expect(plan.stretch > 1).toBe(scale > 0.7);
    let [worstFlux, worstPlace] = [0, 0];
    for (const { x, y, flux } of stars) {
      const [tx, ty] = target.wcs.worldToPixel(...wcs.pixelToWorld(x, y));
      const found = measure(image, side, tx, ty, 9 / scale / 2 + 6);
      worstFlux = Math.max(worstFlux, Math.abs(found.flux / flux - 1));
      worstPlace = Math.max(worstPlace, Math.hypot(found.x - tx, found.y - ty));
    }
    expect(worstFlux).toBeLessThan(1e-3);
    expect(worstPlace).toBeLessThan(0.01);
  });
});

/** Position in the source that each output pixel shows: bilinear interpolation of two ramps is exact. */
async function shownPositions(wcs: Wcs, width: number, height: number, target: Grid, maxPositionErrorPx?: number) {
  const ramp = (axis: (k: number) => number) => Float32Array.from({ length: width * height }, (_, k) => axis(k));
  const options = { interpolation: 'bilinear', conserve: 'surface-brightness', maxPositionErrorPx } as const;
  const x = await whole(
    engine,
    arraySource(
      wcs,
      width,
      height,
      ramp((k) => k % width),
    ).source,
    target,
    options,
  );
  const y = await whole(
    engine,
    arraySource(
      wcs,
      width,
      height,
      ramp((k) => Math.floor(k / width)),
    ).source,
    target,
    options,
  );
  return { x: x.image, y: y.image, mask: x.mask, counts: x.counts };
}

/** Largest distance of shown positions from exact ones, where they are told from whole kernels. */
function worstPosition(found: Awaited<ReturnType<typeof shownPositions>>, wcs: Wcs, target: Grid) {
  let worst = 0;
  let compared = 0;
  for (let k = 0; k < found.mask.length; k++) {
    if (found.mask[k] !== 0) continue;
    const [x, y] = wcs.worldToPixel(...target.wcs.pixelToWorld(k % target.width, Math.floor(k / target.width)));
    worst = Math.max(worst, Math.hypot(found.x[k] - x, found.y[k] - y));
    compared++;
  }
  return { worst, compared };
}

describe('positions', () => {
  it.each([
    ['TAN to TAN, 40 degrees', {}, {}, 1e-3],
    ['TPV with a bend of 1e-5 per px', { projection: 'TPV', more: TPV }, { degrees: -15 }, 1e-3],
    ['TPV with a bend of 1e-3 per px', { projection: 'TPV', more: BENT }, { degrees: 5, scale: 0.4 }, 4e-3],
    ['across RA 0', { crval: [0.001, -30] }, { crval: [359.999, -30], degrees: 40 }, 1e-3],
    ['at the pole', { crval: [20, 89.998] }, { crval: [190, 89.999], degrees: 7 }, 1e-3],
    ['to a plate carree', {}, { projection: 'CAR', crval: [150, 0], crpix: [64.5, -14335], degrees: 0 }, 1e-3],
  ] as const)('are exact to the tolerance: %s', async (_, from, to, tolerance) => {
    const wcs = tan(from);
    const target = { wcs: tan({ degrees: 40, ...to }), width: 150, height: 140 };
    const found = await shownPositions(wcs, 128, 128, target, tolerance);
    const { worst, compared } = worstPosition(found, wcs, target);
    console.log(
      `${_}: ${worst.toExponential(1)} px, measured ${found.counts.maxPositionErrorPx.toExponential(1)}, ${compared} px`,
    );
    expect(compared).toBeGreaterThan(12000);
    // Control points and phases are rounded to 9e-5 px an axis.
    expect(worst).toBeLessThan(tolerance + 1.3e-4);
    expect(found.counts.maxPositionErrorPx).toBeLessThanOrEqual(tolerance);
  });
});

describe('bad pixels and noise', () => {
  const wcs = tan({ crpix: [50, 50] });

  it('NaN, masks and weights of 0 are not used, and are told where they are felt', async () => {
    const image = new Float32Array(100 * 100).fill(7);
    const invvar = new Float32Array(100 * 100).fill(0.25);
    const bad = new Uint8Array(100 * 100);
    const at = (x: number, y: number) => y * 100 + x;
    image[at(20, 20)] = Number.NaN;
    image[at(40, 20)] = 1e9;
    bad[at(40, 20)] = 4;
    image[at(60, 20)] = -1e9;
    invvar[at(60, 20)] = 0;
    invvar[at(80, 20)] = Number.NaN;
    const section: ResampleSource['section'] = async (x0, y0, w, h) => ({
      image: cut(image, 100, x0, y0, w, h),
      bad: cut(bad, 100, x0, y0, w, h),
      invvar: cut(invvar, 100, x0, y0, w, h),
    });
    const target = { wcs: tan({ crpix: [50.25, 50.25] }), width: 100, height: 100 };
    const found = await whole(engine, arraySource(wcs, 100, 100, image, { section }).source, target, {
      conserve: 'surface-brightness',
    });
    for (const x of [20, 40, 60, 80]) {
      for (let y = 17; y <= 24; y++) {
        for (let dx = -3; dx <= 4; dx++) {
          const bits = found.mask[at(x + dx, y)];
          const [px, py] = [Math.abs(dx - 0.25), Math.abs(y - 20.25)];
          expect(bits).toBe(px < 0.5 && py < 0.5 ? 1 : px < 3 && py < 3 ? 2 : 0);
        }
      }
    }
    for (let k = 0; k < found.mask.length; k++) {
      if (found.mask[k] !== 1) expect(Math.abs(found.image[k] - 7)).toBeLessThan(1e-5);
      if (found.mask[k] === 0) expect(found.invvar[k]).toBeGreaterThan(0.25);
    }
    expect(found.counts.partial).toBe(found.mask.filter((bits) => bits === 2).length);
  });

  it.each([
    ['lanczos3', 0.5],
    ['lanczos3', 0.3],
    ['lanczos3', 1],
    ['bilinear', 0.5],
  ] as const)('%s to %d arcsec: sums of sky scatter as invvar and noiseUnderestimate say', async (interpolation, scale) => {
    const stream = new PhiloxStream(philoxKey(12));
    const side = 460;
    const image = Float32Array.from({ length: side * side }, () => 3 * stream.normal());
    const { source } = arraySource(tan({ crpix: [230, 230] }), side, side, image, { invvar: 1 / 9 });
    const size = Math.floor((400 * 0.5) / scale);
    const target = { wcs: tan({ scale, degrees: 11, crpix: [size / 2, size / 2] }), width: size, height: size };
    const found = await whole(engine, source, target, { interpolation });
    const box = Math.floor(size / 20);
    let [scatter, predicted] = [0, 0];
    for (let by = 2; by < 18; by++) {
      for (let bx = 2; bx < 18; bx++) {
        let sum = 0;
        for (let k = 0; k < box * box; k++) {
          const at = (by * box + Math.floor(k / box)) * size + bx * box + (k % box);
          sum += found.image[at];
          predicted += 1 / found.invvar[at];
        }
        scatter += sum * sum;
      }
    }
    const ratio = Math.sqrt(scatter / predicted) / found.plan.noiseUnderestimate;
    // 256 boxes tell the scatter to 4.4 %; at the rims of boxes the correlation is lost.
    expect(Math.abs(ratio - 1)).toBeLessThan(0.12);
  });
});

describe.skipIf(!hasShared)('against reproject (skipped without ../shared)', () => {
  it('nearest and bilinear are the same, Lanczos-3 is nearer to bicubic than bilinear is', async () => {
    const { image, interp_nearest_neighbor, interp_bilinear, interp_bicubic, src_x0, src_y0 } = readNpz(
      shared('vectors/reproject/reproject.npz'),
    );
    const cd = (crval: readonly number[], crpix: readonly number[], m: readonly (readonly number[])[]) =>
      wcsFromHeader({
        CTYPE1: 'RA---TAN',
        CTYPE2: 'DEC--TAN',
        CRVAL1: crval[0],
        CRVAL2: crval[1],
        CRPIX1: crpix[0],
        CRPIX2: crpix[1],
        CD1_1: m[0][0],
        CD1_2: m[0][1],
        CD2_1: m[1][0],
        CD2_2: m[1][1],
      });
    const a = 0.00012877553535649823;
    const b = 5.202869352998778e-5;
    const c = 0.00011666666666666667;
    const { source } = arraySource(cd([150, 2], [32.5, 30], [[-a, b], [b, a]]), 64, 60, Float32Array.from(image.data)); // biome-ignore format: a matrix
    const target = { wcs: cd([150.0005, 2.0004], [36, 36], [[-c, 0], [0, c]]), width: 72, height: 72 }; // biome-ignore format: a matrix
    const differences: Record<string, number> = {};
    for (const [interpolation, wanted] of [
      ['nearest', interp_nearest_neighbor],
      ['bilinear', interp_bilinear],
      ['bilinear', interp_bicubic],
      ['lanczos3', interp_bicubic],
      ['lanczos3-plain', interp_bicubic],
    ] as const) {
      const found = await whole(engine, source, target, { interpolation, conserve: 'surface-brightness', minGoodWeight: 0.9 });
      const peak = Float64Array.from(image.data).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      let worst = 0;
      for (let k = 0; k < found.mask.length; k++) {
        const fraction = Math.max(Math.abs((src_x0.data[k] % 1) - 0.5), Math.abs((src_y0.data[k] % 1) - 0.5));
        if (found.mask[k] !== 0 || (interpolation === 'nearest' && fraction < 1e-3)) continue;
        worst = Math.max(worst, Math.abs(found.image[k] - wanted.data[k]) / peak);
      }
      differences[`${interpolation} - ${wanted === interp_bicubic ? 'bicubic' : 'itself'}`] = worst;
    }
    expect(differences['nearest - itself']).toBeLessThan(1e-6);
    expect(differences['bilinear - itself']).toBeLessThan(1e-4);
    expect(differences['lanczos3 - bicubic']).toBeLessThan(0.01);
    expect(differences['lanczos3-plain - bicubic']).toBeLessThan(0.01);
    expect(differences['bilinear - bicubic']).toBeGreaterThan(0.05);
  });
});
