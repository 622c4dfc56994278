/** A field of stars in memory with the face of a loaded one: for tests of stages that take cells of frames. */
import { PhiloxStream, philoxKey } from '../../src/core/rng.ts';
import type { CatalogueSource, Frame, LoadedField } from '../../src/pipelines/photometry/field.ts';
import { integrated, moffat, noiseArea } from './epsf-stars.ts';

export interface FieldStar {
  readonly x: number;
  readonly y: number;
  readonly flux: number;
}

export interface PsfFieldOptions {
  readonly size: number;
  readonly bands: readonly string[];
  /** FWHM in px at a place. */
  readonly fwhm: (x: number, y: number) => number;
  /** One star per square of this many px, near its middle. */
  readonly spacing: number;
  readonly snr: readonly [number, number];
  readonly seed: number;
  readonly sky?: (x: number, y: number) => number;
  /** Stars only where this is true. */
  readonly where?: (x: number, y: number) => boolean;
}

const STAMP = 51;

/** Star fields in noise of sigma 1, the same stars in all bands, and their catalogue. */
export function psfField(options: PsfFieldOptions): { field: LoadedField; stars: FieldStar[] } {
  const { size, bands, fwhm, spacing, snr, seed, sky = () => 0, where = () => true } = options;
  const random = new PhiloxStream(philoxKey(seed));
  const stars: FieldStar[] = [];
  const light = new Float64Array(size * size);
  for (let y = spacing / 2; y < size; y += spacing) {
    for (let x = spacing / 2; x < size; x += spacing) {
      const star = { x: x + random.between(-3, 3), y: y + random.between(-3, 3) };
      const brightness = random.between(...snr);
      if (!where(star.x, star.y)) continue;
      const [left, low] = [Math.round(star.x) - (STAMP - 1) / 2, Math.round(star.y) - (STAMP - 1) / 2];
      const stamp = integrated(moffat(fwhm(star.x, star.y), 3.5), star.x - left, star.y - low, STAMP);
      const flux = brightness * Math.sqrt(noiseArea(stamp));
      stars.push({ ...star, flux });
      for (let k = 0; k < stamp.length; k++) {
        const [i, j] = [left + (k % STAMP), low + Math.floor(k / STAMP)];
        if (i >= 0 && j >= 0 && i < size && j < size) light[j * size + i] += flux * stamp[k];
      }
    }
  }
  const frames = bands.map((band) => {
    const image = Float32Array.from(light, (value, k) => value + sky(k % size, Math.floor(k / size)) + random.normal());
    return memoryFrame(band, image, size, { fwhmPx: fwhm(size / 2, size / 2) });
  });
  const sources = stars.map((star, row) => catalogueSource(row, star.x, star.y));
  const field = {
    frames,
    box: { x0: 0, y0: 0, width: size, height: size },
    pixscaleArcsec: 0.5,
    sources,
    columns: {},
    close: async () => undefined,
  } as unknown as LoadedField;
  return { field, stars };
}

/** A frame whose pixels are in memory, noise 1, not saturated. */
export function memoryFrame(
  band: string,
  image: Float32Array,
  size: number,
  more: Partial<Frame> = {},
  bad = new Uint8Array(image.length),
): Frame {
  const section = async (x0: number, y0: number, width: number, height: number) => {
    const cut = <A extends Float32Array | Uint8Array>(from: A): A => {
      const to = from.slice(0, width * height);
      for (let y = 0; y < height; y++) to.set(from.subarray((y0 + y) * size + x0, (y0 + y) * size + x0 + width), y * width);
      return to as A;
    };
    return { image: cut(image), bad: cut(bad) };
  };
  return {
    band,
    path: `${band}.fits`,
    width: size,
    height: size,
    scale: 1,
    zpAuto: 25,
    sigmaSky: 1,
    gainElectronsPerAdu: 1e6,
    saturation: Number.POSITIVE_INFINITY,
    fwhmPx: undefined,
    rows: (y0, count) => section(0, y0, size, count),
    section,
    ...more,
  };
}

export function catalogueSource(row: number, x: number, y: number): CatalogueSource {
  return {
    row,
    id: String(row),
    type: 'STAR',
    ra: 0,
    dec: 0,
    x,
    y,
    excludedCrop: false,
    excludedSaturation: false,
    duplicateId: false,
    gaiaSourceId: '',
  };
}
