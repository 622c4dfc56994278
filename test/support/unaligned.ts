/** Frames of one sky on grids of their own, as files with configs: for tests of aligning them. */
import { join } from 'node:path';
import { expect } from 'vitest';
import { PhiloxStream, philoxKey } from '../../src/core/rng.ts';
import { type FitsHeader, readImage, verifyChecksums } from '../../src/io/fits/index.ts';
import { openFitsFile } from '../../src/io/fits/node.ts';
import type { FitConfig } from '../../src/pipelines/photometry/config.ts';
import { wcsFromHeader } from '../../src/sky/wcs/index.ts';
import { type Cards, fieldConfig, freshFolder, KEYWORDS } from './fit-field.ts';
import { starField, type TanOptions, tanCards } from './resample.ts';

export interface SkyStar {
  readonly ra: number;
  readonly dec: number;
  /** Counts of zero point 25. */
  readonly flux: number;
}

export interface FrameSpec {
  readonly name: string;
  readonly wcs: TanOptions;
  /** Beyond the usual ones of fit-field.ts. */
  readonly cards?: Cards;
  readonly shape?: readonly [number, number];
  readonly fwhmArcsec?: number;
  /** Of the pixels; 0: none, whatever SKYSIG says. */
  readonly noise?: number;
  readonly level?: number;
  readonly seed?: number;
  /** Changes pixels. */
  readonly spoil?: (image: Float32Array, width: number) => void;
}

const PLACING = ['CTYPE1', 'CTYPE2', 'CRVAL1', 'CRVAL2', 'CRPIX1', 'CRPIX2', 'CD1_1', 'CD1_2', 'CD2_1', 'CD2_2'];
const OTHERS = Object.fromEntries(Object.entries(KEYWORDS).filter(([key]) => !PLACING.includes(key)));

/** Pixels of a frame: round stars with their flux, noise. */
function pixelsOf(spec: FrameSpec, stars: readonly SkyStar[]): Float32Array {
  const { shape: [height, width] = [200, 200], fwhmArcsec = 1.6, noise = 0, level = 0, seed = 1 } = spec;
  const wcs = wcsFromHeader(tanCards(spec.wcs));
  const counts = 10 ** (-0.4 * (25 - Number(spec.cards?.['ZP_AUTO'] ?? KEYWORDS['ZP_AUTO'])));
  const placed = stars.map(({ ra, dec, flux }) => {
    const [x, y] = wcs.worldToPixel(ra, dec);
    return { x, y, flux: flux * counts };
  });
  const here = placed.filter(({ x, y }) => x > -20 && y > -20 && x < width + 20 && y < height + 20);
  const image = starField(width, height, here, fwhmArcsec / (spec.wcs.scale ?? 0.5));
  const random = new PhiloxStream(philoxKey(seed));
  for (let at = 0; at < image.length; at++) image[at] += level + (noise > 0 ? noise * random.normal() : 0);
  spec.spoil?.(image, width);
  return image;
}

/** Writes the frames; gives their config with `resample.enabled`. */
export async function unalignedConfig(
  specs: readonly FrameSpec[],
  stars: readonly SkyStar[],
  resample: string,
  {
    folder = freshFolder(),
    yaml = 'crop: {enabled: false}\noverlay: {enabled: false}\nzp: {enabled: false}\n',
    inputs = '',
  } = {},
): Promise<{ config: FitConfig; folder: string; path: string }> {
  const config = await fieldConfig(folder, {
    images: specs.map((spec) => ({
      name: spec.name,
      cards: { ...OTHERS, ...tanCards(spec.wcs), ...spec.cards } as Cards,
      data: pixelsOf(spec, stars),
      shape: spec.shape ?? [200, 200],
    })),
    catalogue: `ID,RA,DEC,TYPE\n${stars.map(({ ra, dec }, k) => `s${k},${ra},${dec},STAR\n`).join('')}`,
    yaml: `resample: {enabled: true${resample === '' ? '' : `, ${resample}`}}\n${yaml}`,
    inputs,
  });
  return { config, folder, path: join(folder, 'config.yaml') };
}

/** Noise only, in frames of different depth, scale and zero point. */
export const noisy: readonly FrameSpec[] = [
  { name: 'a.fits', wcs: { crpix: [100, 100] }, noise: 2, seed: 11 },
  { name: 'b.fits', wcs: { crpix: [93.3, 104.6], degrees: 24 }, noise: 5, cards: { SKYSIG: 5, ZP_AUTO: 24.9 }, seed: 12 },
  {
    name: 'c.fits',
    wcs: { crpix: [120, 120], scale: 0.41, degrees: 70 },
    noise: 1.5,
    cards: { SKYSIG: 1.5 },
    shape: [240, 240],
    seed: 13,
  },
];
/** In the middle of them. */
export const AT = { ra: 150, dec: 2, flux: 0 };

/** An image with its checksums checked. */
export async function readAligned(path: string) {
  const file = await openFitsFile(path);
  try {
    const { data, shape } = await readImage(file.hdu(0));
    expect(await verifyChecksums(file.hdu(0))).toMatchObject({ data: 'ok', hdu: 'ok' });
    return { image: data as Float32Array, width: shape[1], height: shape[0], header: file.hdu(0).header as FitsHeader };
  } finally {
    await file.close();
  }
}
