/** What load says of a source: where it is, whether a saturated pixel is near, in which cell. */
import { describe, expect, it } from 'vitest';
import { PhiloxStream, philoxKey } from '../../../src/core/rng.ts';
import { openField } from '../../../src/pipelines/photometry/load-field.ts';
import { scanRows } from '../../../src/pipelines/photometry/load-scan.ts';
import { activeCells, roundEven, SaturationProbe } from '../../../src/pipelines/photometry/load-sources.ts';
import { wcsFromHeader } from '../../../src/sky/wcs/index.ts';
import { fieldConfig, freshFolder, KEYWORDS } from '../../support/fit-field.ts';

describe('places on the sky', () => {
  it.each([
    ['across RA 0', { CRVAL1: 0.002, CRVAL2: -30 }],
    ['at the pole', { CRVAL1: 40, CRVAL2: 89.9999 }],
  ])('finds sources %s', async (_, cards) => {
    const there = wcsFromHeader({ ...KEYWORDS, ...cards } as Record<string, string | number>);
    const places = [
      [10, 10],
      [90, 70],
      [50, 79],
      [5, 60],
    ];
    const sky = places.map(([x, y]) => there.pixelToWorld(x, y));
    expect(Math.max(...sky.map(([ra]) => ra)) - Math.min(...sky.map(([ra]) => ra))).toBeGreaterThan(180);
    const files = {
      images: [{ name: 'a.fits', cards }],
      catalogue: `RA,DEC\n${sky.map((at) => `${at.join(',')}\n`).join('')}`,
      yaml: 'crop: {enabled: false}\n',
    };
    const field = await openField(await fieldConfig(freshFolder(), files));
    field.sources.forEach(({ x, y, excludedCrop }, index) => {
      expect([x, y, excludedCrop]).toEqual([expect.closeTo(places[index][0], 6), expect.closeTo(places[index][1], 6), false]);
    });
    await field.close();
  });
});

describe('saturation', () => {
  it('rounds halves to the even pixel', () => {
    expect([0.5, 1.5, 2.5, -0.5, -1.5, 2.4999, 3.2].map(roundEven)).toEqual([0, 2, 2, 0, -2, 2, 3]);
  });

  it.each([0, 1, 2.5, 7])('is what looking at every pixel of the disc gives, radius %f', (radius) => {
    const [width, height, sources] = [37, 29, 400];
    const stream = new PhiloxStream(philoxKey(5), [Math.round(radius * 2), 0, 0]);
    const x = Float64Array.from({ length: sources }, () => stream.between(-4, width + 4));
    const y = Float64Array.from({ length: sources }, () => stream.between(-4, height + 4));
    x[7] = Number.NaN;
    const image = Float32Array.from({ length: width * height }, () => (stream.uniform() < 0.01 ? Number.NaN : 1));
    const bad = Uint8Array.from(image, (value) => (Number.isNaN(value) || stream.uniform() < 0.01 ? 1 : 0));
    const probe = new SaturationProbe({ x, y }, radius);
    // Chunks of rows of an image that is larger than the working frame by 3 pixels on every side.
    const stride = width + 6;
    for (const [y0, count] of [
      [12, 20],
      [-3, 8],
      [5, 7],
    ]) {
      const part = { image: new Float32Array(stride * count), bad: new Uint8Array(stride * count).fill(1) };
      for (let line = Math.max(0, y0); line < Math.min(height, y0 + count); line++) {
        part.image.set(image.subarray(line * width, (line + 1) * width), (line - y0) * stride + 3);
        part.bad.set(bad.subarray(line * width, (line + 1) * width), (line - y0) * stride + 3);
      }
      probe.look('g', scanRows(part, { y0, count, x0: 3, stride }, { width, height }));
    }
    const expected = Uint8Array.from(x, (at, source) => {
      for (let line = 0; line < height; line++) {
        for (let column = 0; column < width; column++) {
          const isNear = (column - roundEven(at)) ** 2 + (line - roundEven(y[source])) ** 2 <= radius ** 2;
          if (isNear && bad[line * width + column] === 1 && !Number.isNaN(image[line * width + column])) return 1;
        }
      }
      return 0;
    });
    expect(expected.some((flag) => flag === 1)).toBe(true);
    expect([...probe.flags(['g'], false)]).toEqual([...expected]);
    expect(probe.flags(['g', 'r'], true).some((flag) => flag === 1)).toBe(false);
  });
});

describe('cells', () => {
  it('are active where a fitted source is; the last row and column take the remainder', () => {
    const at = (x: number, y: number, excludedCrop = false) => ({ x, y, excludedCrop, excludedSaturation: false });
    const sources = [at(0, 0), at(99.9, 99.9), at(30, 65), at(50, 50, true), at(100, 5), at(Number.NaN, 5)];
    const cells = activeCells(sources as never, 100, 100, 3);
    expect([...cells].sort()).toEqual(['r00_c00', 'r01_c00', 'r02_c02']);
  });
});
