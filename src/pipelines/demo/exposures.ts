/**
 * Exposures of the demo survey and what they add up to. A camera like DECam, 62 CCDs of 2046 x 4094 pixels with gaps, points at the centres
 * of a 1 deg lattice, once per band and cell, a few arcminutes off: three exposures meet at a place on average, fewer where gaps do.
 */
import { type PhiloxKey, PhiloxStream } from '../../core/rng.ts';
import { BAND_FACTS, BANDS, type Band, PIXSCALE_ARCSEC } from './bands.ts';
import { type Brick, brickAt, brickOf, brickWcs } from './brick-grid.ts';

const DEG = Math.PI / 180;
const LATTICE_DEG = 1;
const DITHER_DEG = 0.15;
/** CCDs in the rows of the camera, South to North; and the pitch of rows and columns, pixels. */
const CCD_ROWS = [3, 4, 5, 6, 6, 7, 7, 6, 6, 5, 4, 3];
const CCD_WIDTH = 4094;
const CCD_HEIGHT = 2046;
const CCD_PITCH_X = 4295;
const CCD_PITCH_Y = 2199;
/** Radius of the camera's field, pixels. */
const FIELD_RADIUS = 15_100;
/** Tags of the generators, apart from those of sources.ts. */
const EXPOSURE_TAG = 100;
const HOLE_TAG = 200;

/** PSF sizes are kept to 2^-12 arcsec: what is below does not matter, and the maps pack well. */
const SIZE_STEPS = 4096;
/** Side of the pattern of pixel responses, and its standard deviation. */
const RESPONSE_SIDE = 256;
const RESPONSE_SIGMA = 0.01;

interface Exposure {
  /** Centre in pixels of the brick's frame. */
  readonly x: number;
  readonly y: number;
  /** PSF size at the centre, arcsec. */
  readonly size: number;
  /** Direction to which the PSF grows, and how much at the edge of the field. */
  readonly growX: number;
  readonly growY: number;
  /** Inverse variance of a pixel, nanomaggy^-2. */
  readonly weight: number;
}

/** Pixels first <= x < end. */
interface Box {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

interface Chip extends Box {
  readonly exposure: Exposure;
}

/** Inverse variance of one exposure's pixel at the nominal depth: sigma_F / sqrt(noise-equivalent area). */
export function nominalWeight(band: Band): number {
  const { depthMag, psfSizeArcsec } = BAND_FACTS[band];
  const sigmaFlux = 10 ** (0.4 * (22.5 - depthMag)) / 5;
  return psfArea(psfSizeArcsec) / (sigmaFlux * sigmaFlux);
}

/** Noise-equivalent area, pixels, of a PSF size. */
export function psfArea(sizeArcsec: number): number {
  const sigma = sizeArcsec / (2 * Math.sqrt(2 * Math.LN2)) / PIXSCALE_ARCSEC;
  return 4 * Math.PI * sigma * sigma;
}

/** Exposures whose field may reach the brick. */
function exposuresOf(brick: Brick, size: number, band: Band, key: PhiloxKey): Exposure[] {
  const wcs = brickWcs(brick, size);
  const { index, psfSizeArcsec } = BAND_FACTS[band];
  const found: Exposure[] = [];
  const middleRow = Math.floor((brick.dec + 90) / LATTICE_DEG);
  for (let row = middleRow - 2; row <= middleRow + 2; row++) {
    const dec0 = row * LATTICE_DEG - 90;
    const columns = Math.max(1, Math.round((360 / LATTICE_DEG) * Math.cos((dec0 + LATTICE_DEG / 2) * DEG)));
    const width = 360 / columns;
    const middle = Math.floor(brick.ra / width);
    for (let column = middle - 2; column <= middle + 2; column++) {
      const random = new PhiloxStream(key, [row, ((column % columns) + columns) % columns, EXPOSURE_TAG + index]);
      const ra = (column + 0.5 + (DITHER_DEG / LATTICE_DEG) * random.between(-1, 1)) * width;
      const dec = dec0 + LATTICE_DEG / 2 + DITHER_DEG * random.between(-1, 1);
      const seeing = Math.exp(0.07 * random.normal());
      const depth = Math.max(-0.3, Math.min(0.3, 0.12 * random.normal()));
      const direction = 2 * Math.PI * random.uniform();
      const [x, y] = wcs.worldToPixel(ra, dec);
      found.push({
        x,
        y,
        size: psfSizeArcsec * seeing,
        growX: 0.03 * Math.cos(direction),
        growY: 0.03 * Math.sin(direction),
        weight: nominalWeight(band) * 10 ** (0.8 * depth),
      });
    }
  }
  return found;
}

/** CCDs that cover part of the frame grown by `margin` pixels. */
function chipsOf(exposures: readonly Exposure[], size: number, margin: number): Chip[] {
  const chips: Chip[] = [];
  for (const exposure of exposures) {
    CCD_ROWS.forEach((count, row) => {
      const y = exposure.y + (row - (CCD_ROWS.length - 1) / 2) * CCD_PITCH_Y;
      for (let column = 0; column < count; column++) {
        const x = exposure.x + (column - (count - 1) / 2) * CCD_PITCH_X;
        const x0 = Math.ceil(x - CCD_WIDTH / 2);
        const y0 = Math.ceil(y - CCD_HEIGHT / 2);
        const chip = { x0, y0, x1: x0 + CCD_WIDTH, y1: y0 + CCD_HEIGHT, exposure };
        const reaches = chip.x1 > -margin && chip.y1 > -margin && chip.x0 < size + margin && chip.y0 < size + margin;
        if (reaches) chips.push(chip);
      }
    });
  }
  return chips;
}

/** One part of each brick has no data in one band, as where images were taken back: the band and the place belong to the brick. */
function holesOf(brick: Brick, size: number, band: Band, key: PhiloxKey): Box[] {
  const wcs = brickWcs(brick, size);
  const holes: Box[] = [];
  const frameDeg = (size * PIXSCALE_ARCSEC) / 3600;
  for (let north = -1; north <= 1; north++) {
    const middle = brickAt(brick.ra, brick.dec + north * (brick.dec2 - brick.dec1));
    for (let east = -1; east <= 1; east++) {
      const owner = brickOf(middle.row, middle.column + east);
      const random = new PhiloxStream(key, [owner.row, owner.column, HOLE_TAG]);
      if (BANDS[random.integer(BANDS.length)] !== band) continue;
      const dec = owner.dec + 0.3 * frameDeg * random.between(-1, 1);
      const ra = owner.ra + (0.3 * frameDeg * random.between(-1, 1)) / Math.cos(owner.dec * DEG);
      const [x, y] = wcs.worldToPixel(ra, dec).map(Math.round);
      const half = Math.min(230, Math.round(0.1 * size));
      holes.push({ x0: x - half, x1: x + half, y0: y - Math.round(0.6 * half), y1: y + Math.round(0.6 * half) });
    }
  }
  return holes;
}

const inside = (box: Box, x: number, y: number): boolean => x >= box.x0 && x < box.x1 && y >= box.y0 && y < box.y1;

/** What the exposures of one band make of a brick's frame. */
export class Coverage {
  readonly #size: number;
  readonly #chips: readonly Chip[];
  readonly #holes: readonly Box[];
  readonly #response: Float32Array;

  /** Reaches `margin` pixels beyond the frame, for sources whose centre is outside. */
  constructor(brick: Brick, size: number, band: Band, key: PhiloxKey, margin: number) {
    this.#size = size;
    this.#chips = chipsOf(exposuresOf(brick, size, band, key), size, margin);
    this.#holes = holesOf(brick, size, band, key);
    const random = new PhiloxStream(key, [0, 0, HOLE_TAG + 1]);
    this.#response = Float32Array.from({ length: RESPONSE_SIDE ** 2 }, () => 1 + RESPONSE_SIGMA * random.normal());
  }

  /** PSF size of the coadd at a pixel, arcsec; 0 where no exposure is. */
  psfSize(x: number, y: number): number {
    if (this.#holes.some((hole) => inside(hole, Math.round(x), Math.round(y)))) return 0;
    let sum = 0;
    let inverse = 0;
    for (const chip of this.#chips) {
      if (!inside(chip, Math.round(x), Math.round(y))) continue;
      const { weight } = chip.exposure;
      const size = exposureSize(chip.exposure, x, y);
      sum += weight;
      inverse += weight / (size * size);
    }
    return sizeOf(sum, inverse);
  }

  /**
   * One row of the inverse variance (with the pixels' own responses) and of the PSF size. The size is the survey's: the exposures'
   * 1/(noise-equivalent area) averaged by weight, as the FWHM of a Gaussian of that area.
   */
  fillRow(y: number, invvar: Float32Array, psfSize: Float32Array): void {
    const size = this.#size;
    const sum = new Float64Array(size);
    const inverse = new Float64Array(size);
    const actual = new Float64Array(size);
    for (const { x0, x1, y0, y1, exposure } of this.#chips) {
      if (y < y0 || y >= y1) continue;
      const pattern = ((y - y0) % RESPONSE_SIDE) * RESPONSE_SIDE;
      const { weight } = exposure;
      for (let x = Math.max(0, x0), end = Math.min(size, x1); x < end; x++) {
        const psf = exposureSize(exposure, x, y);
        sum[x] += weight;
        inverse[x] += weight / (psf * psf);
        actual[x] += weight * this.#response[pattern + ((x - x0) & (RESPONSE_SIDE - 1))];
      }
    }
    for (const { x0, x1, y0, y1 } of this.#holes) {
      if (y >= y0 && y < y1) sum.fill(0, Math.max(0, x0), Math.max(0, x1));
    }
    for (let x = 0; x < size; x++) {
      invvar[x] = sum[x] === 0 ? 0 : actual[x];
      psfSize[x] = sizeOf(sum[x], inverse[x]);
    }
  }
}

/** PSF size of an exposure: 3 % up and down along a direction, and 3 % up at the edge of the field all round. */
function exposureSize({ x, y, size, growX, growY }: Exposure, atX: number, atY: number): number {
  const dx = (atX - x) / FIELD_RADIUS;
  const dy = (atY - y) / FIELD_RADIUS;
  return size * (1 + growX * dx + growY * dy + 0.03 * (dx * dx + dy * dy));
}

const sizeOf = (sum: number, inverse: number): number =>
  sum === 0 ? 0 : Math.round(SIZE_STEPS * Math.sqrt(sum / inverse)) / SIZE_STEPS;
