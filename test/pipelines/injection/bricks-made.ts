/** Small bricks in the survey's format, made for a test: 300 x 300 px in tiles of 100 x 100, with known pixels. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PhiloxStream } from '../../../src/core/rng.ts';
import { compressImage, FitsHeader, type HduInput } from '../../../src/io/fits/index.ts';
import { openFitsFile, writeFits } from '../../../src/io/fits/node.ts';

export const SIDE = 300;
export const BANDS = ['g', 'r', 'z'] as const;
const PIXEL_DEG = 0.262 / 3600;

export type PlaneData = Record<string, Float32Array | Int32Array>;

/** Uniform in [0, 1), the same everywhere. */
function uniforms(count: number, key: number): Float64Array {
  const stream = new PhiloxStream([key, 0]);
  return new Float64Array(count).map(() => stream.uniform());
}

/** Planes by the names of their files: `image-g`, ..., `maskbits`. */
export function madePlanes(seed = 1): PlaneData {
  const planes: PlaneData = {};
  for (const [at, band] of BANDS.entries()) {
    const noise = uniforms(SIDE * SIDE, 10 * seed + at);
    planes[`image-${band}`] = Float32Array.from(noise, (value) => 0.05 * (value - 0.5));
    planes[`invvar-${band}`] = Float32Array.from(noise, (value) => (value > 0.995 ? 0 : 9000 + 500 * value));
    planes[`psfsize-${band}`] = new Float32Array(SIDE * SIDE).map((_, pixel) => (pixel % SIDE < 40 ? 0 : 1.2 + 0.1 * at));
  }
  planes['maskbits'] = new Int32Array(SIDE * SIDE).map((_, pixel) => (pixel % SIDE > 250 ? 0x401 : pixel > SIDE * 200 ? 32 : 0));
  return planes;
}

/** Centre of a brick by its name, degrees. */
export const centreOf = (brick: string): [raDeg: number, decDeg: number] => [
  Number(brick.slice(0, 4)) / 10,
  (Number(brick.slice(5)) / 10) * (brick[4] === 'm' ? -1 : 1),
];

/** Celestial cards with the brick's centre in the middle of the pixels. */
function celestialCards(brick: string) {
  const [ra, dec] = centreOf(brick);
  const middle = (SIDE + 1) / 2;
  const values: [string, number | string][] = [
    ['CTYPE1', 'RA---TAN'],
    ['CTYPE2', 'DEC--TAN'],
    ['CRVAL1', ra],
    ['CRVAL2', dec],
    ['CRPIX1', middle],
    ['CRPIX2', middle],
    ['CD1_1', -PIXEL_DEG],
    ['CD1_2', 0],
    ['CD2_1', 0],
    ['CD2_2', PIXEL_DEG],
  ];
  return values.map(([keyword, value]) => ({ keyword, value }));
}

/** Place on the sky of a pixel, by the tangent plane written out. */
export function skyOf(brick: string, x: number, y: number): { raDeg: number; decDeg: number } {
  const [ra0, dec0] = centreOf(brick).map((angle) => (angle * Math.PI) / 180);
  const xi = (-(x - (SIDE - 1) / 2) * PIXEL_DEG * Math.PI) / 180;
  const eta = ((y - (SIDE - 1) / 2) * PIXEL_DEG * Math.PI) / 180;
  const down = Math.cos(dec0) - eta * Math.sin(dec0);
  const ra = ra0 + Math.atan2(xi, down);
  const dec = Math.atan2(Math.sin(dec0) + eta * Math.cos(dec0), Math.hypot(xi, down));
  return { raDeg: ((ra * 180) / Math.PI + 360) % 360, decDeg: (dec * 180) / Math.PI };
}

/** The file of one plane: compressed as the survey does it, or plain. */
export async function writePlane(folder: string, brick: string, plane: string, data: Float32Array | Int32Array, plain = false) {
  const path = join(folder, `legacysurvey-${brick}-${plane}.fits${plain ? '' : '.fz'}`);
  const cards = celestialCards(brick);
  const name = plane === 'maskbits' ? 'MASKBITS' : plane.toUpperCase();
  if (plain) {
    await writeFits(path, [{ kind: 'image', data: data as Float32Array<ArrayBuffer>, shape: [SIDE, SIDE], name, cards }]);
    return path;
  }
  const { cards: structure, bytes } = await compressImage(data, [SIDE, SIDE], data instanceof Int32Array ? 32 : -32, {
    codec: plane.startsWith('psfsize') ? 'GZIP_2' : 'RICE_1',
    tileShape: [100, 100],
    quantize: plane.startsWith('image')
      ? { method: 'SUBTRACTIVE_DITHER_2', level: -1e-4, dither0: 7 }
      : plane.startsWith('invvar')
        ? { method: 'NO_DITHER', level: 16 }
        : undefined,
  });
  const header = FitsHeader.of([...structure, ...cards, { keyword: 'EXTNAME', value: name }]);
  const hdu: HduInput = { kind: 'raw', header, data: () => [bytes] };
  await writeFits(path, [hdu]);
  return path;
}

/** Writes a brick in the survey's folders; gives its folder. */
export async function writeBrick(cache: string, brick: string, planes: PlaneData = madePlanes()): Promise<string> {
  const folder = join(cache, brick.slice(0, 3), brick);
  for (const [plane, data] of Object.entries(planes)) await writePlane(folder, brick, plane, data);
  return folder;
}

/** Points the descriptor of a tile of the last HDU out of the heap. */
export async function damageTile(path: string, tile: number): Promise<void> {
  const file = await openFitsFile(path);
  const { dataOffset, header } = file.hdu(1);
  await file.close();
  const bytes = await readFile(path);
  bytes.writeInt32BE(0x7fffff00, dataOffset + tile * header.integer('NAXIS1') + 4);
  await writeFile(path, bytes);
}

/** A folder that is gone when `use` is done. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'arclet-bricks-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
