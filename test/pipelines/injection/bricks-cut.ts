/** Stamps as the tests ask for them, and the same stamps cut from whole images. */
import { join } from 'node:path';
import { expect } from 'vitest';
import { readImage } from '../../../src/io/fits/index.ts';
import { openFitsFile } from '../../../src/io/fits/node.ts';
import { type Cutouts, type CutoutTarget, openBrickReader } from '../../../src/pipelines/injection/bricks/reader.ts';
import { BANDS, skyOf, withFolder, writeBrick } from './bricks-made.ts';

export const BRICK = '0123p045';

export interface Asked {
  cache: string;
  brick?: string;
  workers?: number;
  maps?: boolean;
  cacheBytes?: number;
  bands?: readonly string[];
}

export async function cut(targets: readonly CutoutTarget[], size: number, asked: Asked): Promise<Cutouts> {
  const { cache, brick = BRICK, workers = 0, maps = true, bands = BANDS, cacheBytes } = asked;
  const reader = openBrickReader({ cache, bands, usePsfsizeMaps: maps, workers, cacheBytes });
  try {
    return await reader.cutouts(brick, targets, size);
  } finally {
    await reader.close();
  }
}

/** Place on the sky of a pixel of the made brick. */
export const at = (x: number, y: number): CutoutTarget => skyOf(BRICK, x, y);

/** A made brick for one test. */
export const withBrick = (use: (cache: string, brickFolder: string) => Promise<void>): Promise<void> =>
  withFolder(async (folder) => use(folder, await writeBrick(folder, BRICK)));

export async function whole(folder: string, brick: string, plane: string): Promise<ArrayLike<number>> {
  const file = await openFitsFile(join(folder, `legacysurvey-${brick}-${plane}.fits.fz`));
  try {
    return (await readImage(file.hdu(1))).data as Float32Array;
  } finally {
    await file.close();
  }
}

/** The stamp of a plane cut from the whole image, zero outside. */
export function stampOf<T extends Float32Array | Uint32Array>(
  image: ArrayLike<number>,
  side: number,
  x0: number,
  y0: number,
  size: number,
  out: T,
): T {
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const [column, row] = [x0 + x, y0 + y];
      if (column >= 0 && row >= 0 && column < side && row < side) out[y * size + x] = image[row * side + column];
    }
  }
  return out;
}

/** Much faster than toEqual on thousands of pixels. */
export function sameBits(a: Float32Array | Uint32Array, b: Float32Array | Uint32Array): boolean {
  return Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength));
}

/** Compares every plane of every row with the whole images, and gives the number of stamps compared. */
export async function compareWithWhole(cutouts: Cutouts, folder: string, brick: string, side: number): Promise<number> {
  const { size, bands, count, x0, y0 } = cutouts;
  const pixels = size * size;
  let compared = 0;
  for (const [kind, got] of [
    ['image', cutouts.image],
    ['invvar', cutouts.invvar],
  ] as const) {
    for (const [band, name] of bands.entries()) {
      const image = await whole(folder, brick, `${kind}-${name}`);
      for (let row = 0; row < count; row++, compared++) {
        const want = stampOf(image, side, x0[row], y0[row], size, new Float32Array(pixels));
        const place = (row * bands.length + band) * pixels;
        if (!sameBits(got.subarray(place, place + pixels), want)) expect.fail(`${kind} ${name} of row ${row} differs`);
      }
    }
  }
  const mask = await whole(folder, brick, 'maskbits');
  for (let row = 0; row < count; row++, compared++) {
    const want = stampOf(mask, side, x0[row], y0[row], size, new Uint32Array(pixels));
    if (!sameBits(cutouts.mask.subarray(row * pixels, (row + 1) * pixels), want)) expect.fail(`mask of row ${row} differs`);
  }
  return compared;
}

/** All arrays of a row; pixels as their bytes. */
export function rowOf(cutouts: Cutouts, row: number) {
  const { size, bands } = cutouts;
  const [pixels, cube] = [size * size, bands.length * size * size];
  const bits = (values: Float32Array | Uint32Array, length: number) =>
    Buffer.from(values.buffer, values.byteOffset + 4 * row * length, 4 * length).toString('latin1');
  return {
    place: [cutouts.x[row], cutouts.y[row], cutouts.x0[row], cutouts.y0[row]],
    flags: [cutouts.inside[row], cutouts.finite[row], cutouts.reason[row]],
    image: bits(cutouts.image, cube),
    invvar: bits(cutouts.invvar, cube),
    mask: bits(cutouts.mask, pixels),
    psfsize: cutouts.psfsize.slice(row * bands.length, (row + 1) * bands.length),
  };
}
