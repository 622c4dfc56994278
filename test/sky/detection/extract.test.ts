import { describe, expect, it } from 'vitest';
import { PhiloxStream, philoxKey } from '../../../src/core/rng.ts';
import {
  type ExtractOptions,
  extract,
  FLAG_MERGED,
  FLAG_SINGULAR,
  FLAG_TRUNCATED,
  type IntegerColumn,
  type RealColumn,
} from '../../../src/sky/detection/extract.ts';
import { blend } from '../../support/aperture-images.ts';
import { readNpz } from '../../support/npz.ts';
import { sepFields } from '../../support/sep-vectors.ts';
import { hasShared, shared } from '../../support/shared.ts';

const WHOLE: IntegerColumn[] = ['npix', 'tnpix', 'xmin', 'xmax', 'ymin', 'ymax', 'xcpeak', 'ycpeak', 'xpeak', 'ypeak', 'flag'];
const FLUXES: RealColumn[] = ['flux', 'cflux', 'peak', 'cpeak', 'a', 'b', 'x2', 'y2', 'cxx', 'cyy'];

/** What the vectors hold of a run besides what the apertures need. */
interface Run {
  name: string;
  params: {
    thresh: number;
    err: string;
    minarea: number;
    filter: string | null;
    deblend_nthresh: number;
    deblend_cont: number;
    clean: boolean;
    clean_param: number;
  };
  objects: Record<IntegerColumn | RealColumn, (number | string)[]>;
}

function runsOfSep() {
  return sepFields().flatMap((field) =>
    (field.runs as unknown as Run[]).map((run) => {
      const { params } = run;
      const options: ExtractOptions = {
        thresh: params.thresh,
        err: params.err === 'globalrms' ? field.globalrms : field.rms,
        mask: field.mask,
        minarea: params.minarea,
        filterKernel: params.filter === null ? null : undefined,
        deblendNthresh: params.deblend_nthresh,
        deblendCont: params.deblend_cont,
        clean: params.clean,
        cleanParam: params.clean_param,
        segmentation: true,
      };
      return { label: `${field.file.slice(0, 8)} ${run.name}`, field, run, options };
    }),
  );
}

/** Index into `found` of the object nearest to (x, y), and how far it is. */
function nearest(found: { x: Float64Array; y: Float64Array }, x: number, y: number) {
  let at = -1;
  let least = Infinity;
  for (let i = 0; i < found.x.length; i++) {
    const d = Math.hypot(found.x[i] - x, found.y[i] - y);
    if (d < least) {
      least = d;
      at = i;
    }
  }
  return { at, distance: least };
}

/**
 * Where sep 1.2.1 is not followed. In field_00 A3 it takes the threshold of a masked pixel, 3e30, for that of one object, which is then never
 * split. In field_01 A2 its threshold is that of a pixel beside the blend; with the mean (ours, and sep 1.4.1) one part is cleaned away.
 */
const UNFOLLOWED: Record<string, { missing: [number, number][]; extra: number }> = {
  'field_00 A3': { missing: [[60.344, 72.924]], extra: 3 },
  'field_01 A2': { missing: [[43.434, 156.38]], extra: 0 },
};

describe.skipIf(!hasShared)('extract against sep on its fields (skipped without the reference vectors)', () => {
  for (const { label, field, run, options } of hasShared ? runsOfSep() : []) {
    it(`${label}: the same objects`, () => {
      const { objects, segmentation } = extract(field.subtracted, options);
      const count = run.objects.x.length;
      const { missing, extra } = UNFOLLOWED[label] ?? { missing: [], extra: 0 };
      expect(objects.count).toBe(count - missing.length + extra);
      let isolated = 0;
      for (let i = 0; i < count; i++) {
        const [x, y, flag] = [run.objects.x[i], run.objects.y[i], run.objects.flag[i]].map(Number);
        const { at, distance } = nearest(objects, x, y);
        if (missing.some(([mx, my]) => Math.hypot(mx - x, my - y) < 0.01)) {
          expect(distance).toBeGreaterThan(1);
          continue;
        }
        if (flag & FLAG_MERGED) {
          // Levels start at another threshold when there is a noise map, and pixels are dealt with other random numbers.
          expect(distance).toBeLessThan(typeof options.err === 'number' ? 2e-6 : 0.2);
          expect(objects.flag[at]).toBe(flag);
          continue;
        }
        isolated++;
        expect(distance).toBeLessThan(2e-6);
        for (const column of WHOLE) {
          // Raw pixels above the threshold depend on it.
          if (column === 'tnpix' && typeof options.err !== 'number') continue;
          expect(objects[column][at], column).toBe(Number(run.objects[column][i]));
        }
        for (const column of FLUXES) {
          const wanted = Number(run.objects[column][i]);
          expect(Math.abs(objects[column][at] / wanted - 1), column).toBeLessThan(3e-6);
        }
        expect(Math.abs(Math.sin(objects.theta[at] - Number(run.objects.theta[i])))).toBeLessThan(0.002);
        const variance = Number(run.objects.errx2[i]);
        // Masked pixels have no noise here, and 1e30 there.
        if (variance < 1 && !hasMasked(field.mask, segmentation!, at + 1)) {
          expect(Math.abs(objects.errx2[at] / variance - 1)).toBeLessThan(3e-6);
        }
      }
      expect(isolated).toBeGreaterThan(10);
      if (!options.clean || typeof options.err === 'number') {
        const theirs = readNpz(shared(`vectors/sep/${field.file}`))[`seg_${run.name}`].data;
        expect(segmentation!.findIndex((number, p) => number > 0 !== theirs[p] > 0)).toBe(-1);
      }
    });
  }

  it('blends: total flux of the parts is that of the parts of sep, single parts within a few percent', () => {
    const ratios: number[] = [];
    for (const { run, field, options } of runsOfSep()) {
      if (typeof options.err !== 'number') continue;
      const { objects } = extract(field.subtracted, options);
      let ours = 0;
      let theirs = 0;
      for (let i = 0; i < run.objects.x.length; i++) {
        if (!(Number(run.objects.flag[i]) & FLAG_MERGED)) continue;
        const { at } = nearest(objects, Number(run.objects.x[i]), Number(run.objects.y[i]));
        ours += objects.flux[at];
        theirs += Number(run.objects.flux[i]);
        ratios.push(Math.abs(objects.flux[at] / Number(run.objects.flux[i]) - 1));
      }
      expect(Math.abs(ours / theirs - 1)).toBeLessThan(1e-6);
    }
    ratios.sort((p, q) => p - q);
    expect(ratios.length).toBeGreaterThan(30);
    expect(ratios[ratios.length >> 1]).toBeLessThan(0.01);
    expect(ratios[ratios.length - 1]).toBeLessThan(0.05);
  });
});

function hasMasked(mask: Uint8Array | undefined, segmentation: Int32Array, number: number): boolean {
  return mask !== undefined && segmentation.some((value, p) => value === number && mask[p] !== 0);
}

describe('extract on three analytic sources, numbers of sep', () => {
  it('matched filter', () => {
    const { objects } = extract(blend(), { thresh: 5, err: new Float32Array(64 * 64).fill(1), deblendCont: 0.001 });
    expect([...objects.flag].sort()).toEqual([0, 1, 1]);
    const star = nearest(objects, 20.24435, 31.60265).at;
    expect(objects.x[star]).toBeCloseTo(20.24435, 5);
    expect(objects.y[star]).toBeCloseTo(31.60265, 5);
    expect(objects.a[star]).toBeCloseTo(2.04282, 5);
    expect(objects.b[star]).toBeCloseTo(2.03138, 5);
    expect(objects.flux[star]).toBeCloseTo(2482.88, 2);
    expect(objects.cflux[star]).toBeCloseTo(2464.23, 2);
    expect(objects.peak[star]).toBeCloseTo(97.2571, 4);
    expect(objects.cpeak[star]).toBeCloseTo(86.446, 4);
    expect([objects.npix[star], objects.tnpix[star]]).toEqual([111, 76]);
    expect([objects.xmin[star], objects.xmax[star], objects.ymin[star], objects.ymax[star]]).toEqual([15, 26, 26, 37]);
    const galaxy = nearest(objects, 41.55747, 28.06493);
    expect(galaxy.distance).toBeLessThan(1e-5);
    expect(Math.abs(objects.theta[galaxy.at] - 0.45841)).toBeLessThan(0.03);
    expect(Math.abs(objects.flux[galaxy.at] / 2305.48 - 1)).toBeLessThan(0.02);
    expect(nearest(objects, 47.50167, 32.88078).distance).toBeLessThan(1e-5);
    expect(objects.flux.reduce((sum, flux) => sum + flux)).toBeCloseTo(2482.88 + 2305.48 + 583.215, 1);
  });

  it('one sigma for all pixels, and errors with and without gain', () => {
    const options = { thresh: 5, err: 1, deblendCont: 0.001 };
    const plain = extract(blend(), options).objects;
    const star = nearest(plain, 20.260208611, 31.600166418);
    expect(star.distance).toBeLessThan(1e-6);
    expect(plain.npix[star.at]).toBe(82);
    expect(plain.errx2[star.at]).toBeCloseTo(9.559e-5, 8);
    expect(plain.erry2[star.at]).toBeCloseTo(9.3412e-5, 8);
    expect(plain.errxy[star.at]).toBeCloseTo(4.34e-7, 8);
    const poisson = extract(blend(), { ...options, gain: 2 }).objects;
    expect(poisson.errx2[star.at]).toBeCloseTo(0.000886065, 8);
    expect(poisson.erry2[star.at]).toBeCloseTo(0.000880069, 8);
    expect(poisson.errxy[star.at]).toBeCloseTo(7.91e-7, 8);
  });

  it('var is the square of err, absolute thresholds are those of err 1, and runs repeat bit for bit', () => {
    const map = new Float32Array(64 * 64).fill(2);
    const squared = new Float32Array(64 * 64).fill(4);
    const options = { thresh: 3, segmentation: true };
    expect(extract(blend(), { ...options, var: squared })).toEqual(extract(blend(), { ...options, err: map }));
    expect(extract(blend(), { ...options, var: 4 })).toEqual(extract(blend(), { ...options, err: 2 }));
    const absolute = extract(blend(), { thresh: 6 }).objects;
    const relative = extract(blend(), { thresh: 3, err: 2 }).objects;
    for (const column of [...WHOLE, ...FLUXES]) expect(absolute[column]).toEqual(relative[column]);
    const conv = extract(blend(), { thresh: 3, err: map, filterType: 'conv' }).objects;
    for (const column of WHOLE) expect(conv[column]).toEqual(relative[column]);
  });

  it('numbers the segmentation map as the table, without gaps where cleaning took objects out', () => {
    const image = blend();
    const random = new PhiloxStream(philoxKey(5), [1, 2, 3]);
    for (let i = 0; i < image.data.length; i++) image.data[i] += random.normal();
    const err = new Float32Array(64 * 64).fill(1);
    const { objects, segmentation, counts } = extract(image, { thresh: 2, err, minarea: 3, segmentation: true });
    expect(counts.cleaned).toBeGreaterThan(0);
    const sizes = new Int32Array(objects.count + 1);
    for (const number of segmentation!) sizes[number]++;
    expect(sizes.subarray(1)).toEqual(objects.npix);
    for (let i = 0; i < objects.count; i++) expect(segmentation![objects.ypeak[i] * 64 + objects.xpeak[i]]).toBe(i + 1);
  });

  it('filters with kernels of any shape as written out', () => {
    const image = blend();
    const kernel = [
      [1, 2, 0, 0, 1],
      [0, 3, 5, 1, 0],
      [0, 0, 2, 0, 7],
    ];
    const { objects } = extract(image, { thresh: 6, filterKernel: kernel, clean: false });
    for (let i = 0; i < objects.count; i++) {
      let sum = 0;
      for (let j = 0; j < 3; j++)
        for (let k = 0; k < 5; k++)
          sum += (kernel[j][k] / 22) * image.data[(objects.ycpeak[i] + j - 1) * 64 + objects.xcpeak[i] + k - 2];
      expect(objects.cpeak[i]).toBeCloseTo(sum, 4);
    }
    expect(objects.count).toBeGreaterThan(1);
  });

  it('flags what touches the border, and what is a line', () => {
    const image = blend();
    image.data.set(new Float32Array(5).fill(50), 10);
    const { objects } = extract(image, { thresh: 6, filterKernel: null, minarea: 3 });
    const line = nearest(objects, 12, 0).at;
    expect(objects.flag[line]).toBe(FLAG_SINGULAR | FLAG_TRUNCATED);
    expect(objects.x2[line]).toBeCloseTo(2 + 1 / 12, 9);
    expect(objects.y2[line]).toBeCloseTo(1 / 12, 9);
    expect(objects.theta[line]).toBe(0);
    expect(objects.flux[line]).toBe(250);
  });

  it('a masked or not finite pixel gives no light; its neighbours do', () => {
    const clean = extract(blend(), { thresh: 5, err: 1 }).objects;
    const star = nearest(clean, 20.26, 31.6).at;
    const mask = new Uint8Array(64 * 64);
    mask[31 * 64 + 20] = 1;
    const broken = blend();
    broken.data[31 * 64 + 20] = Number.NaN;
    const masked = extract(blend(), { thresh: 5, err: 1, mask }).objects;
    expect(extract(broken, { thresh: 5, err: 1 }).objects).toEqual({ ...masked, errx2: expect.anything() });
    expect(masked.flux[star]).toBeCloseTo(clean.flux[star] - blend().data[31 * 64 + 20], 2);
  });
});
