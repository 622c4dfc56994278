/** One brick of the demo survey: the sky through the exposures, and the files that hold it. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type PhiloxKey, philoxKey } from '../../core/rng.ts';
import { writeFileAtomic } from '../../io/atomic.ts';
import { type CompressOptions, compressImage, encodeFits, FitsHeader, type NewCard, type RawInput } from '../../io/fits/index.ts';
import { fluxFromMagnitude } from '../../sky/photometry.ts';
import { BAND_FACTS, BANDS, type Band, PIXSCALE_ARCSEC } from './bands.ts';
import { type Brick, brickOf, brickWcs, primaryBox } from './brick-grid.ts';
import { MASK, maskCards, type Product, productCards } from './cards.ts';
import { Coverage, nominalWeight } from './exposures.ts';
import { DE_VAUCOULEURS, drawGalaxy, EXPONENTIAL, type Frame } from './mixtures.ts';
import { fillNormals } from './normals.ts';
import { type Source, sourcesIn } from './sources.ts';
import { BRIGHT_MAG, drawHalo, drawStar, MEDIUM_MAG, maskDisc, maskRadius, psfAlpha, WISE_MAG, wiseRadius } from './stars.ts';
import { type BandPlace, type Candidate, chooseTargets, hostDensity, STAMP, type TargetRow } from './targets.ts';

const NOISE_TAG = 400;
/** Sources whose centre is so far outside the frame still shine into it, pixels. */
const MARGIN = 480;
/** Halos of stars end at so many radii of their mask. */
const HALO_REACH = 1.6;
/** Sources are drawn down to this part of one exposure's noise per pixel. */
const FAINTEST = 0.01;

export interface BrickTask {
  /** Folder of bricks. */
  readonly folder: string;
  readonly row: number;
  readonly column: number;
  readonly seed: number;
  readonly size: number;
  readonly targets: number;
  readonly version: string;
}

export interface FileFacts {
  /** Relative to the folder of bricks, with forward slashes. */
  readonly key: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface BrickResult {
  readonly name: string;
  readonly files: readonly FileFacts[];
  readonly targets: readonly TargetRow[];
}

/** Parts of the work that {@link makeBrick} reports. */
export const BRICK_STEPS = BANDS.length + 1;

/** A source with its place in the frame, 0-based pixels. */
interface Placed {
  readonly source: Source;
  readonly x: number;
  readonly y: number;
}

/** The demo sources that reach into a brick's frame, or, with `primary`, those of its own area. */
export function brickSources({ row, column, seed, size, targets }: BrickTask, primary: boolean): Source[] {
  const brick = brickOf(row, column);
  const own = primaryBox(brick, size);
  const reach = ((size / 2 + MARGIN) * PIXSCALE_ARCSEC) / 3600;
  const reachRa = reach / Math.cos((brick.dec * Math.PI) / 180);
  const around = { ra1: brick.ra - reachRa, ra2: brick.ra + reachRa, dec1: brick.dec - reach, dec2: brick.dec + reach };
  const sources = sourcesIn(primary ? own : around, philoxKey(seed), hostDensity(brickOf(row, column), size, targets));
  return primary ? sources.filter((source) => isInside(source, own)) : sources;
}

const isInside = ({ ra, dec }: Source, box: ReturnType<typeof primaryBox>): boolean =>
  ra >= box.ra1 && ra < box.ra2 && dec >= box.dec1 && dec < box.dec2;

/** Makes the files of one brick. Throws OUTPUT_UNWRITABLE. */
export async function makeBrick(task: BrickTask, onStep: () => void): Promise<BrickResult> {
  const { size } = task;
  const brick = brickOf(task.row, task.column);
  const key = philoxKey(task.seed);
  const sources = brickSources(task, false);
  const { x, y } = brickWcs(brick, size).worldToPixels(
    Float64Array.from(sources, ({ ra }) => ra),
    Float64Array.from(sources, ({ dec }) => dec),
  );
  const placed = sources
    .map((source, index) => ({ source, x: x[index], y: y[index] }))
    .filter((each) => Math.min(each.x, each.y) > -MARGIN && Math.max(each.x, each.y) < size + MARGIN);
  const own = primaryBox(brick, size);
  const hosts = placed.filter(({ source }) => source.kind === 'host' && isInside(source, own));
  const places: Partial<Record<Band, BandPlace>>[] = hosts.map(() => ({}));
  const mask = starMask(placed, size);
  markOutside(mask, brick, size);
  const files: FileFacts[] = [];
  // The same for all bands: fresh ones of this size are collected late, and a worker would hold twice the memory.
  const pixels = () => new Float32Array(size * size);
  const maps: BandMaps = { image: pixels(), invvar: pixels(), psfSize: pixels() };
  for (const band of BANDS) {
    fillMaps(maps, brick, size, band, key, placed, mask);
    hosts.forEach((host, index) => {
      places[index][band] = placeOf(host, maps, size);
    });
    files.push(...(await writeBand(task, brick, band, maps)));
    onStep();
  }
  files.push(await writeMask(task, brick, mask));
  onStep();
  const candidates = hosts.map((host, index): Candidate => {
    return { ...host, bands: places[index] as Candidate['bands'], mask: mask[Math.round(host.y) * size + Math.round(host.x)] };
  });
  return { name: brick.name, files, targets: chooseTargets(candidates, task.targets, brick, size, key) };
}

/** maskbits of the circles around bright stars. */
function starMask(placed: readonly Placed[], size: number): Int32Array {
  const mask = new Int32Array(size * size);
  for (const { source, x, y } of placed) {
    if (source.kind !== 'star') continue;
    const { r, w1 } = source.mag;
    if (r < MEDIUM_MAG) maskDisc(mask, size, size, x, y, maskRadius(r), MASK.MEDIUM);
    if (r < BRIGHT_MAG) maskDisc(mask, size, size, x, y, maskRadius(r) / 2, MASK.BRIGHT);
    if (w1 < WISE_MAG) {
      maskDisc(mask, size, size, x, y, wiseRadius(w1), MASK.WISEM1);
      maskDisc(mask, size, size, x, y, 0.8 * wiseRadius(w1), MASK.WISEM2);
    }
  }
  return mask;
}

/** NPRIMARY outside of the brick's own area. */
function markOutside(mask: Int32Array, brick: Brick, size: number): void {
  const wcs = brickWcs(brick, size);
  const { ra1, ra2, dec1, dec2 } = primaryBox(brick, size);
  const columns = Float64Array.from({ length: size }, (_, column) => column);
  for (let row = 0; row < size; row++) {
    const { lonDeg, latDeg } = wcs.pixelsToWorld(columns, new Float64Array(size).fill(row));
    for (let column = 0; column < size; column++) {
      const isOwn = lonDeg[column] >= ra1 && lonDeg[column] < ra2 && latDeg[column] >= dec1 && latDeg[column] < dec2;
      if (!isOwn) mask[row * size + column] |= MASK.NPRIMARY;
    }
  }
}

interface BandMaps {
  readonly image: Float32Array;
  readonly invvar: Float32Array;
  readonly psfSize: Float32Array;
}

/**
 * Image, inverse variance and PSF size of a band into `maps`; saturated and uncovered pixels are marked in `mask`. The image is the sources,
 * plus normal noise of variance 1/invvar (the sky) + flux/gain (the sources' photons). Inverse variances are of the sky alone, as the survey's are.
 */
function fillMaps(
  { image, invvar, psfSize }: BandMaps,
  brick: Brick,
  size: number,
  band: Band,
  key: PhiloxKey,
  placed: readonly Placed[],
  mask: Int32Array,
): void {
  const { index, electronsPerNanomaggy, saturationNanomaggy } = BAND_FACTS[band];
  const coverage = new Coverage(brick, size, band, key, MARGIN);
  image.fill(0);
  drawSources({ width: size, height: size, pixels: image }, placed, band, coverage);
  const saturated = MASK[`SATUR_${band.toUpperCase()}`] | MASK[`ALLMASK_${band.toUpperCase()}`];
  const uncovered = MASK[`ALLMASK_${band.toUpperCase()}`];
  const normals = new Float32Array(size);
  const electrons = electronsPerNanomaggy / nominalWeight(band);
  for (let row = 0; row < size; row++) {
    const start = row * size;
    coverage.fillRow(row, invvar.subarray(start, start + size), psfSize.subarray(start, start + size));
    fillNormals(normals, key, [index * 65536 + row, brick.id, NOISE_TAG]);
    for (let at = start; at < start + size; at++) {
      const flux = image[at];
      if (invvar[at] === 0) {
        image[at] = 0;
        mask[at] |= uncovered;
      } else if (flux > saturationNanomaggy) {
        image[at] = saturationNanomaggy;
        invvar[at] = 0;
        mask[at] |= saturated;
      } else {
        image[at] = flux + normals[at - start] * Math.sqrt((1 + flux / electrons) / invvar[at]);
      }
    }
  }
}

function drawSources(frame: Frame, placed: readonly Placed[], band: Band, coverage: Coverage): void {
  const faintest = FAINTEST / Math.sqrt(nominalWeight(band));
  for (const { source, x, y } of placed) {
    const flux = fluxFromMagnitude(source.mag[band]);
    const alpha = psfAlpha(coverage.psfSize(x, y) || BAND_FACTS[band].psfSizeArcsec);
    if (source.kind !== 'star') {
      const profile = source.n === 1 ? EXPONENTIAL : DE_VAUCOULEURS;
      // Position angles are from North (up) to East (left): a quarter turn from +x.
      const phi = source.paRad + Math.PI / 2;
      drawGalaxy(frame, { x, y, flux, profile, radius: source.reffArcsec / PIXSCALE_ARCSEC, q: source.q, phi, alpha }, faintest);
      continue;
    }
    drawStar(frame, x, y, flux, alpha, faintest);
    if (source.mag.r < MEDIUM_MAG) drawHalo(frame, x, y, flux, HALO_REACH * maskRadius(source.mag.r));
  }
}

/** What the maps say at a host. */
function placeOf({ x, y }: Placed, { invvar, psfSize }: BandMaps, size: number): BandPlace {
  const [column, row] = [Math.round(x), Math.round(y)];
  let covered = 0;
  for (let dy = -STAMP / 2; dy < STAMP / 2; dy++) {
    for (let dx = -STAMP / 2; dx < STAMP / 2; dx++) {
      const isInFrame = column + dx >= 0 && column + dx < size && row + dy >= 0 && row + dy < size;
      if (isInFrame && invvar[(row + dy) * size + column + dx] > 0) covered++;
    }
  }
  const at = row * size + column;
  return { psfSize: psfSize[at], invvar: invvar[at], coverage: covered / STAMP ** 2 };
}

const TILE = [100, 100];
/** Bit of the WISE masks: a bright star. */
const WISE_BRIGHT = 1;

async function writeBand(task: BrickTask, brick: Brick, band: Band, { image, invvar, psfSize }: BandMaps): Promise<FileFacts[]> {
  // Images that are subtracted from one another must not share their dither.
  const dither0 = 1 + ((brick.id * BANDS.length + BAND_FACTS[band].index) % 10000);
  const steps = { level: -1e-4, method: 'SUBTRACTIVE_DITHER_2', dither0 } as const;
  const rice = (quantize: CompressOptions['quantize']): CompressOptions => ({ codec: 'RICE_1', tileShape: TILE, quantize });
  return [
    await writeProduct(task, brick, 'image', band, [{ data: image, options: rice(steps) }]),
    await writeProduct(task, brick, 'invvar', band, [{ data: invvar, options: rice({ level: 16, method: 'NO_DITHER' }) }]),
    await writeProduct(task, brick, 'psfsize', band, [{ data: psfSize, options: { codec: 'GZIP_1', tileShape: TILE } }]),
  ];
}

interface Plane {
  readonly data: Float32Array | Int32Array | Uint8Array;
  readonly options: CompressOptions;
  /** Behind those that all files have. */
  readonly cards?: readonly NewCard[];
}

/** Writes a file of one compressed image or more. */
async function writeProduct(
  task: BrickTask,
  brick: Brick,
  product: Product,
  band: Band | undefined,
  planes: readonly Plane[],
): Promise<FileFacts> {
  const { size, seed, version } = task;
  const hdus: RawInput[] = [];
  for (const { data, options, cards: own = [] } of planes) {
    const bitpix = data instanceof Float32Array ? -32 : ((8 * data.BYTES_PER_ELEMENT) as 8 | 32);
    const { cards, bytes } = await compressImage(data, [size, size], bitpix, options);
    const header = FitsHeader.of([...cards, ...productCards({ brick, size, product, band, seed, version }), ...own]);
    hdus.push({ kind: 'raw', header, data: () => [bytes] });
  }
  const chunks = [...encodeFits(hdus)];
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  const name = `legacysurvey-${brick.name}-${product}${band === undefined ? '' : `-${band}`}.fits.fz`;
  const key = `${brick.name.slice(0, 3)}/${brick.name}/${name}`;
  await writeFileAtomic(join(task.folder, key), chunks);
  return { key, bytes: chunks.reduce((sum, chunk) => sum + chunk.length, 0), sha256: hash.digest('hex') };
}

/** maskbits, and behind it what WISE is masked for, band by band, as the survey has it. */
function writeMask(task: BrickTask, brick: Brick, mask: Int32Array): Promise<FileFacts> {
  const options: CompressOptions = { codec: 'HCOMPRESS_1', tileShape: TILE };
  const wise = (name: 'WISEM1' | 'WISEM2'): Plane => {
    const data = new Uint8Array(mask.length);
    for (let at = 0; at < data.length; at++) data[at] = (mask[at] & MASK[name]) === 0 ? 0 : WISE_BRIGHT;
    return { data, options, cards: [{ keyword: 'EXTNAME', value: name }] };
  };
  return writeProduct(task, brick, 'maskbits', undefined, [
    { data: mask, options, cards: maskCards() },
    wise('WISEM1'),
    wise('WISEM2'),
  ]);
}
