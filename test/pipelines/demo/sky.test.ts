/** What the demo survey is made of: the grid of bricks, the sources, their light, the exposures, the noise. */
import { describe, expect, it } from 'vitest';
import { philox4x32, philoxKey } from '../../../src/core/rng.ts';
import { brickAt, brickOf, brickWcs, fieldBricks, primaryBox } from '../../../src/pipelines/demo/brick-grid.ts';
import { Coverage } from '../../../src/pipelines/demo/exposures.ts';
import {
  DE_VAUCOULEURS,
  drawGalaxy,
  EXPONENTIAL,
  type Frame,
  type Mixture,
  MOFFAT,
} from '../../../src/pipelines/demo/mixtures.ts';
import { fillNormals } from '../../../src/pipelines/demo/normals.ts';
import { sourcesIn } from '../../../src/pipelines/demo/sources.ts';
import { drawHalo, drawStar, maskDisc, psfAlpha } from '../../../src/pipelines/demo/stars.ts';
import { moffatNea, psfSizeFromNea } from '../../../src/sky/profiles/moffat.ts';
import { sersicFluxWithin } from '../../../src/sky/profiles/sersic.ts';

const KEY = philoxKey(7);

const frame = (width: number, height: number): Frame => ({ width, height, pixels: new Float32Array(width * height) });
const sum = (values: Float32Array): number => values.reduce((a, b) => a + b, 0);

/** FWHM of the Gaussian of the same noise-equivalent area, pixels. */
const noiseSize = (pixels: Float32Array): number => psfSizeFromNea(sum(pixels) ** 2 / pixels.reduce((a, b) => a + b * b, 0));

describe('bricks', () => {
  // Of the survey's own files: name, id, centre, edges.
  it.each([
    ['0959p805', 657438, 95.9504132231405, 80.5, 95.206611570248, 96.6942148760331],
    ['2444p120', 400013, 244.468085106383, 12, 244.340425531915, 244.595744680851],
    ['0591m305', 162958, 59.1800643086817, -30.5, 59.0353697749196, 59.3247588424437],
  ])('%s stands where the survey has it', (name, id, ra, dec, ra1, ra2) => {
    const brick = brickAt(ra + 0.01, dec - 0.02);
    expect({ name: brick.name, id: brick.id, dec: brick.dec }).toEqual({ name, id, dec });
    expect(brick.ra).toBeCloseTo(ra, 10);
    expect(brick.ra1).toBeCloseTo(ra1, 10);
    expect(brick.ra2).toBeCloseTo(ra2, 10);
  });

  it('of the field are neighbours, and the first ones do not depend on how many there are', () => {
    const field = fieldBricks(12);
    expect(fieldBricks(3)).toEqual(field.slice(0, 3));
    expect(new Set(field.map(({ name }) => name)).size).toBe(12);
    expect(field[1].ra1).toBe(field[0].ra2);
    expect(field[5].dec1).toBe(field[0].dec2);
    expect(brickOf(field[0].row, field[0].column - 1).ra2).toBeCloseTo(field[0].ra1, 12);
  });

  it('reach 82 pixels beyond their own area', () => {
    const [brick] = fieldBricks(1);
    const { ra2, dec1 } = primaryBox(brick, 3600);
    expect(Math.round(brickWcs(brick, 3600).worldToPixel(ra2, brick.dec)[0])).toBe(82);
    expect(Math.round(brickWcs(brick, 3600).worldToPixel(brick.ra, dec1)[1])).toBe(82);
    // A small frame has an own area to match.
    expect(brickWcs(brick, 500).worldToPixel(brick.ra, primaryBox(brick, 500).dec1)[1]).toBeCloseTo(81.5, 3);
  });
});

describe('sources', () => {
  const box = { ra1: 36, ra2: 36.6, dec1: -4.6, dec2: -4.2 };
  const all = sourcesIn(box, KEY, 2000);
  const inBox = ({ ra, dec }: { ra: number; dec: number }, { ra1, ra2, dec1, dec2 }: typeof box) =>
    ra >= ra1 && ra < ra2 && dec >= dec1 && dec < dec2;

  it('are those of the place, whichever brick asks', () => {
    const part = { ra1: 36.21, ra2: 36.4, dec1: -4.43, dec2: -4.3 };
    const asked = sourcesIn(part, KEY, 2000).filter((source) => inBox(source, part));
    expect(asked.length).toBeGreaterThan(1000);
    expect(asked).toEqual(all.filter((source) => inBox(source, part)));
    expect(sourcesIn(part, philoxKey(8), 2000).filter((source) => inBox(source, part))).not.toEqual(asked);
  });

  it('are as many as counted on the real sky, within four standard deviations', () => {
    const area = 0.6 * 0.4 * Math.cos((4.4 * Math.PI) / 180);
    const inside = all.filter((source) => inBox(source, box));
    const number = (kinds: string[], faint: number) =>
      inside.filter(({ kind, mag }) => kinds.includes(kind) && mag.r < faint).length;
    for (const [kinds, faint, perDeg2] of [
      [['late', 'early'], 20, 2000],
      [['late', 'early'], 24, 2000 * 10 ** 1.68],
      [['star'], 16, 630],
      [['host'], 20.5, 2000],
    ] as const) {
      const expected = perDeg2 * area;
      expect(Math.abs(number([...kinds], faint) - expected)).toBeLessThan(4 * Math.sqrt(expected));
    }
  });

  it('that are hosts are within the cuts of lens searches', () => {
    const hosts = all.filter(({ kind }) => kind === 'host');
    expect(hosts.length).toBeGreaterThan(300);
    for (const { mag, q, reffArcsec } of hosts) {
      expect(mag.r).toBeGreaterThanOrEqual(17.5);
      expect(mag.r).toBeLessThanOrEqual(20.5);
      expect(mag.r - mag.z).toBeGreaterThan(0.4);
      expect(mag.z - mag.w1).toBeGreaterThan(0.8);
      expect(mag.z).toBeLessThan(20.4);
      expect(q).toBeGreaterThanOrEqual(0.55);
      expect(reffArcsec).toBeGreaterThan(0.3);
    }
  });
});

describe('light', () => {
  /** Flux of a round mixture within a radius in its own unit. */
  const within = ({ weights, variances }: Mixture, radius: number) =>
    weights.reduce((flux, weight, i) => flux + weight * -Math.expm1(-(radius * radius) / (2 * variances[i])), 0);

  it.each([
    [EXPONENTIAL, 1, 0.003],
    [DE_VAUCOULEURS, 4, 0.07],
  ] as const)('a mixture holds the flux of its profile', (mixture, n, tolerance) => {
    for (const radius of [0.1, 0.3, 0.5, 1, 2, 4]) {
      expect(Math.abs(within(mixture, radius) - sersicFluxWithin(radius, n))).toBeLessThan(tolerance);
    }
  });

  it('the PSF of galaxies has the noise-equivalent area of its Moffat', () => {
    let power = 0;
    MOFFAT.weights.forEach((a, i) => {
      MOFFAT.weights.forEach((b, j) => {
        power += (a * b) / (2 * Math.PI * (MOFFAT.variances[i] + MOFFAT.variances[j]));
      });
    });
    expect(1 / power / moffatNea(1, 3.5)).toBeCloseTo(1, 2);
  });

  it('a galaxy keeps its flux, its place and its angle', () => {
    const image = frame(201, 201);
    const shape = { x: 97.3, y: 104.8, flux: 5, profile: EXPONENTIAL, radius: 8, q: 0.5, phi: 0.6, alpha: 4 };
    drawGalaxy(image, shape, 1e-8);
    expect(sum(image.pixels)).toBeCloseTo(5, 4);
    const moment = [0, 0, 0, 0, 0];
    image.pixels.forEach((value, at) => {
      const [dx, dy] = [(at % 201) - shape.x, Math.floor(at / 201) - shape.y];
      [dx, dy, dx * dx, dy * dy, dx * dy].forEach((term, index) => {
        moment[index] += (term * value) / 5;
      });
    });
    expect(moment[0]).toBeCloseTo(0, 4);
    expect(moment[1]).toBeCloseTo(0, 4);
    expect(Math.atan2(2 * moment[4], moment[2] - moment[3]) / 2).toBeCloseTo(shape.phi, 4);
  });

  it('a galaxy at the edge is the same there as in the middle', () => {
    const [whole, corner] = [frame(120, 120), frame(40, 30)];
    const shape = { flux: 5, profile: DE_VAUCOULEURS, radius: 5, q: 0.7, phi: 2, alpha: 4 };
    drawGalaxy(whole, { ...shape, x: 60, y: 62 }, 1e-5);
    drawGalaxy(corner, { ...shape, x: -3, y: 28 }, 1e-5);
    for (let y = 0; y < 30; y++) {
      for (let x = 0; x < 40; x++) expect(corner.pixels[y * 40 + x]).toBeCloseTo(whole.pixels[(y + 34) * 120 + x + 63], 6);
    }
  });

  it.each([1.1, 1.5, 1.9])('a star has its flux and the PSF size %f asked for', (size) => {
    const image = frame(161, 161);
    drawStar(image, 80.3, 79.6, 100, psfAlpha(size), 1e-6);
    expect(sum(image.pixels)).toBeGreaterThan(99.8);
    expect(sum(image.pixels)).toBeLessThan(100.02);
    expect(noiseSize(image.pixels) * 0.262).toBeCloseTo(size, 2);
  });

  it('a halo ends where it should, and masks are circles', () => {
    const image = frame(101, 101);
    drawHalo(image, 50, 50, 1e4, 40);
    expect(image.pixels[50 * 101 + 50]).toBeGreaterThan(image.pixels[50 * 101 + 80]);
    expect(image.pixels[50 * 101 + 91]).toBe(0);
    expect(image.pixels[50 * 101 + 89]).toBeGreaterThan(0);
    const mask = new Int32Array(101 * 101).fill(1);
    maskDisc(mask, 101, 101, 90, 50, 20, 4);
    expect(mask[50 * 101 + 100]).toBe(5);
    const area = mask.filter((bits) => bits === 5).length;
    // A disc of radius 20 that a chord 10 pixels and a half from its centre cuts.
    const cut = 400 * Math.acos(10.5 / 20) - 10.5 * Math.sqrt(400 - 10.5 ** 2);
    expect(Math.abs(area - (Math.PI * 400 - cut))).toBeLessThan(15);
  });
});

describe('exposures', () => {
  it('give a place the same PSF size in both bricks that hold it, but for holes', () => {
    const [west, east] = fieldBricks(2);
    for (const band of ['g', 'r', 'z'] as const) {
      const one = new Coverage(west, 3600, band, KEY, 100);
      const two = new Coverage(east, 3600, band, KEY, 100);
      let differ = 0;
      for (let k = 0; k < 200; k++) {
        const [ra, dec] = [west.ra2 + 0.0001 * (k % 7), west.dec1 + 0.00125 * k];
        const sizes = [brickWcs(west, 3600).worldToPixel(ra, dec), brickWcs(east, 3600).worldToPixel(ra, dec)];
        // The frames are turned against each other by an arcminute: within a pixel of a CCD's edge they may disagree.
        if (Math.abs(one.psfSize(...sizes[0]) - two.psfSize(...sizes[1])) > 0.002) differ++;
      }
      expect(differ).toBeLessThan(4);
    }
  });

  it('add up: rows are what single pixels say, with nothing in a hole', () => {
    const [brick] = fieldBricks(1);
    let holes = 0;
    for (const band of ['g', 'r', 'z'] as const) {
      const coverage = new Coverage(brick, 600, band, KEY, 50);
      const invvar = new Float32Array(600);
      const psfSize = new Float32Array(600);
      for (let y = 0; y < 600; y += 7) {
        coverage.fillRow(y, invvar, psfSize);
        for (let x = 0; x < 600; x += 11) {
          expect(psfSize[x]).toBe(coverage.psfSize(x, y));
          expect(invvar[x] > 0).toBe(psfSize[x] > 0);
          if (psfSize[x] > 0) {
            expect(psfSize[x]).toBeGreaterThan(0.9);
            expect(psfSize[x]).toBeLessThan(2.1);
          } else holes++;
        }
      }
    }
    expect(holes).toBeGreaterThan(20);
  });
});

describe('noise', () => {
  it('is Box and Muller on the words of the generator', () => {
    const out = new Float32Array(11);
    fillNormals(out, KEY, [3, 0xfffffff0, 400]);
    const words = new Uint32Array(4);
    const expected: number[] = [];
    for (let block = 0; block < 3; block++) {
      philox4x32([block, 3, 0xfffffff0, 400], KEY, words);
      for (const [a, b] of [words.subarray(0, 2), words.subarray(2)]) {
        const radius = Math.sqrt(-2 * Math.log((a + 0.5) / 2 ** 32));
        expected.push(radius * Math.cos((2 * Math.PI * b) / 2 ** 32), radius * Math.sin((2 * Math.PI * b) / 2 ** 32));
      }
    }
    expect([...out]).toEqual([...Float32Array.from(expected.slice(0, 11))]);
  });
});
