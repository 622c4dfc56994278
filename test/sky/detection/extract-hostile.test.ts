import { describe, expect, it } from 'vitest';
import { type ErrorCode, isArcletError } from '../../../src/core/errors.ts';
import { PhiloxStream, philoxKey } from '../../../src/core/rng.ts';
import { type DetectionImage, type ExtractOptions, extract } from '../../../src/sky/detection/extract.ts';

const image = (side: number, at: (x: number, y: number) => number): DetectionImage => ({
  data: Float32Array.from({ length: side * side }, (_, i) => at(i % side, Math.floor(i / side))),
  width: side,
  height: side,
});

const refused = (pixels: DetectionImage, options: ExtractOptions, code: ErrorCode, subject: string) => {
  let caught: unknown;
  try {
    extract(pixels, options);
  } catch (error) {
    caught = error;
  }
  expect(isArcletError(caught, code), `${subject}: ${caught}`).toBe(true);
  expect(caught).toMatchObject({ subject, remedy: expect.any(String) });
};

describe('extract on images that hold nothing, or one thing only', () => {
  it('finds nothing in nothing', () => {
    const noise = new Float32Array(32 * 32).fill(1);
    expect(
      extract(
        image(32, () => Number.NaN),
        { thresh: 1, err: noise },
      ).objects.count,
    ).toBe(0);
    expect(
      extract(
        image(32, () => Infinity),
        { thresh: 1, err: 1 },
      ).objects.count,
    ).toBe(0);
    expect(
      extract(
        image(32, () => 0),
        { thresh: 1, err: 1 },
      ).objects.count,
    ).toBe(0);
    expect(
      extract(
        image(32, () => 9),
        { thresh: 1, err: 1, mask: new Uint8Array(1024).fill(1) },
      ).objects.count,
    ).toBe(0);
    for (const bad of [0, Number.NaN, -1]) {
      expect(
        extract(
          image(32, () => 9),
          { thresh: 1, err: new Float32Array(1024).fill(bad) },
        ).objects.count,
      ).toBe(0);
    }
    expect(
      extract(
        image(1, () => 9),
        { thresh: 1, minarea: 1, filterKernel: null },
      ).objects.npix,
    ).toEqual(Int32Array.of(1));
  });

  it('a constant image is one object with finite columns', () => {
    const { objects } = extract(
      image(48, () => 5),
      { thresh: 1, err: new Float32Array(48 * 48).fill(1) },
    );
    expect(objects.count).toBe(1);
    expect(objects.npix[0]).toBe(48 * 48);
    expect(objects.x[0]).toBeCloseTo(23.5, 9);
    for (const column of Object.values(objects)) if (typeof column !== 'number') expect(Number.isFinite(column[0])).toBe(true);
  });

  it('masked pixels that their neighbours lift above the threshold are no objects', () => {
    const noise = new Float32Array(16 * 16).fill(1);
    const mask = new Uint8Array(16 * 16);
    for (const around of [
      [7, 7],
      [8, 7],
      [7, 8],
    ])
      mask[around[1] * 16 + around[0]] = 1;
    const pixels = image(16, (x, y) => (Math.abs(x - 7.4) < 3 && Math.abs(y - 7.4) < 3 ? 1 : 0));
    const { objects, counts } = extract(pixels, { thresh: 1e-3, err: noise, mask, minarea: 1 });
    expect(objects.count).toBe(1);
    expect(counts.masked).toBe(0);
    // One pixel of light between two masked ones that a lopsided kernel lights up.
    const dot = image(9, (x, y) => (x === 4 && y === 4 ? 10 : 0));
    const beside = new Uint8Array(81);
    beside[4 * 9 + 3] = 1;
    const lit = extract(dot, {
      thresh: 1,
      err: new Float32Array(81).fill(1),
      mask: beside,
      minarea: 1,
      filterKernel: [[0, 0, 1]],
    });
    expect(lit.objects.count).toBe(0);
    expect(lit.counts.masked).toBe(1);
  });

  it('every pixel by itself: minarea 1', () => {
    const { objects } = extract(
      image(64, (x, y) => (x % 2 || y % 2 ? 0 : 10)),
      { thresh: 1, minarea: 1, filterKernel: null },
    );
    expect(objects.count).toBe(32 * 32);
    expect([...objects.flux].every((flux) => flux === 10)).toBe(true);
    expect(objects.x[33]).toBe(2);
    expect(objects.y[33]).toBe(2);
  });

  it('more objects than the caller wants end with an error that says how many', () => {
    const dots = image(64, (x, y) => (x % 2 || y % 2 ? 0 : 10));
    refused(dots, { thresh: 1, minarea: 1, filterKernel: null, maxObjects: 1000 }, 'INPUT_INVALID', 'maxObjects');
    const random = new PhiloxStream(philoxKey(1), [0, 0, 0]);
    const blend = image(64, () => 50 + 10 * random.normal());
    refused(blend, { thresh: 1, err: 1, deblendCont: 0, maxObjects: 5 }, 'INPUT_INVALID', 'maxObjects');
  });

  it('one object over the whole frame with a peak at every few pixels neither overflows nor grinds', () => {
    const random = new PhiloxStream(philoxKey(2), [0, 0, 0]);
    const frame = image(512, () => 50 + 10 * random.normal());
    const whole = extract(frame, { thresh: 1, err: 1 });
    expect(whole.objects.npix).toEqual(Int32Array.of(512 * 512));
    const split = extract(frame, { thresh: 1, err: 1, deblendCont: 0, clean: false });
    expect(split.objects.count).toBeGreaterThan(1000);
    expect(split.objects.npix.reduce((sum, npix) => sum + npix)).toBe(512 * 512);
  });
});

describe('extract refuses', () => {
  const pixels = image(8, () => 1);
  it('settings out of range', () => {
    refused(pixels, { thresh: 0 }, 'CONFIG_INVALID', 'thresh');
    refused(pixels, { thresh: Number.NaN }, 'CONFIG_INVALID', 'thresh');
    refused(pixels, { thresh: 1, err: 0 }, 'CONFIG_INVALID', 'err');
    refused(pixels, { thresh: 1, var: -1 }, 'CONFIG_INVALID', 'var');
    refused(pixels, { thresh: 1, err: 1, var: 1 }, 'CONFIG_INVALID', 'var');
    refused(pixels, { thresh: 1, minarea: 0 }, 'CONFIG_INVALID', 'minarea');
    refused(pixels, { thresh: 1, deblendNthresh: 257 }, 'CONFIG_INVALID', 'deblendNthresh');
    refused(pixels, { thresh: 1, deblendCont: 1.5 }, 'CONFIG_INVALID', 'deblendCont');
    refused(pixels, { thresh: 1, cleanParam: 0 }, 'CONFIG_INVALID', 'cleanParam');
    refused(pixels, { thresh: 1, gain: -1 }, 'CONFIG_INVALID', 'gain');
    refused(pixels, { thresh: 1, filterKernel: [[1, 2], [1]] }, 'CONFIG_INVALID', 'filterKernel');
    refused(pixels, { thresh: 1, filterKernel: [[0]] }, 'CONFIG_INVALID', 'filterKernel');
    refused(pixels, { thresh: 1, filterKernel: [[Number.NaN]] }, 'CONFIG_INVALID', 'filterKernel');
  });

  it('arrays of another shape', () => {
    refused({ data: new Float32Array(7), width: 8, height: 8 }, { thresh: 1 }, 'INPUT_INVALID', 'image');
    refused(pixels, { thresh: 1, err: new Float32Array(63) }, 'INPUT_INVALID', 'err');
    refused(pixels, { thresh: 1, mask: new Uint8Array(65) }, 'INPUT_INVALID', 'mask');
  });
});
