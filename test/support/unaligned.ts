/** Frames of one sky on grids of their own, as files with configs: for tests of aligning them. */
import { join } from 'node:path';
import { PhiloxStream, philoxKey } from '../../src/core/rng.ts';
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
