/** Frames of stars on made-up skies, for tests of resampling. */
import { expect } from 'vitest';
import type { Engine } from '../../src/engine/face.ts';
import { type Grid, type ResampleOptions, type ResampleSource, resampleFrame } from '../../src/pipelines/photometry/resample.ts';
import { type HeaderValue, type Wcs, wcsFromHeader } from '../../src/sky/wcs/index.ts';

export const ARCSEC = 1 / 3600;

export interface TanOptions {
  scale?: number;
  degrees?: number;
  crval?: readonly [number, number];
  crpix?: readonly [number, number];
  projection?: string;
  more?: Record<string, HeaderValue>;
}

/** East to the left at 0 degrees; `scale` arcsec per px. */
export const tan = (options: TanOptions = {}): Wcs => wcsFromHeader(tanCards(options));

/** The same as cards. */
export function tanCards({
  scale = 0.5,
  degrees = 0,
  crval = [150, 2],
  crpix = [64.5, 64.5],
  projection = 'TAN',
  more = {},
}: TanOptions = {}): Record<string, HeaderValue> {
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  return {
    CTYPE1: `RA---${projection}`,
    CTYPE2: `DEC--${projection}`,
    CRVAL1: crval[0],
    CRVAL2: crval[1],
    CRPIX1: crpix[0],
    CRPIX2: crpix[1],
    CD1_1: -scale * ARCSEC * cos,
    CD1_2: scale * ARCSEC * sin,
    CD2_1: scale * ARCSEC * sin,
    CD2_2: scale * ARCSEC * cos,
    RADESYS: 'ICRS',
    ...more,
  };
}

/** Ten times the bend of a DECam frame, 1e-5 per px, and 1 % of scale and shear. */
export const TPV = {
  PV1_1: 1.01,
  PV1_2: 0.01,
  PV1_4: 0.04,
  PV1_5: -0.03,
  PV1_7: 0.9,
  PV2_1: 0.99,
  PV2_4: -0.03,
  PV2_6: 0.02,
  PV2_9: -0.7,
};

/** 1e-3 per px: stars are no longer round. */
export const BENT = { PV1_1: 1, PV1_4: 3, PV1_7: 60, PV2_1: 1, PV2_5: -4, PV2_7: 50 };

export function arraySource(wcs: Wcs, width: number, height: number, image: Float32Array, more: Partial<ResampleSource> = {}) {
  const boxes: number[][] = [];
  const source: ResampleSource = {
    wcs,
    width,
    height,
    section: async (x0, y0, w, h) => {
      boxes.push([x0, y0, w, h]);
      return { image: cut(image, width, x0, y0, w, h) };
    },
    ...more,
  };
  return { source, boxes };
}

export function cut<A extends Float32Array | Uint8Array>(
  from: A,
  width: number,
  x0: number,
  y0: number,
  w: number,
  h: number,
): A {
  const out = from.slice(0, w * h);
  for (let y = 0; y < h; y++) out.set(from.subarray((y0 + y) * width + x0, (y0 + y) * width + x0 + w), y * w);
  return out as A;
}

/** All bands of a frame put together. */
export async function whole(engine: Engine, source: ResampleSource, target: Grid, options: ResampleOptions = {}) {
  const length = target.width * target.height;
  const found = { image: new Float32Array(length), invvar: new Float32Array(length), mask: new Uint8Array(length) };
  const resampled = resampleFrame(engine, source, target, options);
  let next = 0;
  for await (const { y0, rows, image, invvar, mask } of resampled.bands) {
    expect(y0).toBe(next);
    next = y0 + rows;
    found.image.set(image, y0 * target.width);
    found.invvar.set(invvar, y0 * target.width);
    found.mask.set(mask, y0 * target.width);
  }
  expect(next).toBe(target.height);
  return { ...found, plan: resampled.plan, counts: resampled.counts };
}

/** Round Gaussians with their flux, sampled at pixel centres. */
export function starField(
  width: number,
  height: number,
  stars: readonly { x: number; y: number; flux: number }[],
  fwhm: number,
): Float32Array<ArrayBuffer> {
  const image = new Float32Array(width * height);
  const s2 = (fwhm / 2.3548) ** 2;
  for (const { x, y, flux } of stars) {
    for (let j = Math.max(0, Math.floor(y - 20)); j < Math.min(height, y + 20); j++) {
      for (let i = Math.max(0, Math.floor(x - 20)); i < Math.min(width, x + 20); i++) {
        image[j * width + i] += (flux / (2 * Math.PI * s2)) * Math.exp(-((i - x) ** 2 + (j - y) ** 2) / (2 * s2));
      }
    }
  }
  return image;
}

/** Flux and centre of the light within `radius` of a place. */
export function measure(image: Float32Array, width: number, x0: number, y0: number, radius: number) {
  let [flux, x, y] = [0, 0, 0];
  for (let j = Math.ceil(y0 - radius); j <= y0 + radius; j++) {
    for (let i = Math.ceil(x0 - radius); i <= x0 + radius; i++) {
      if ((i - x0) ** 2 + (j - y0) ** 2 > radius ** 2) continue;
      flux += image[j * width + i];
      x += i * image[j * width + i];
      y += j * image[j * width + i];
    }
  }
  return { flux, x: x / flux, y: y / flux };
}
