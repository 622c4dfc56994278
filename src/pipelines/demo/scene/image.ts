/** One band of the demo scene: its sources through its PSF, the sky, the noise, what saturates, what is broken; and the file. */
import { type PhiloxKey, PhiloxStream } from '../../../core/rng.ts';
import type { NewCard } from '../../../io/fits/index.ts';
import type { Frame } from '../mixtures.ts';
import { fillNormals } from '../normals.ts';
import { PIXSCALE_ARCSEC, type SceneBand } from './bands.ts';
import { GalaxyFrame } from './galaxies.ts';
import { effectiveFwhm, psfField, psfShape } from './psf.ts';
import { magnitudeAt, type SceneSource } from './sources.ts';
import { drawStar } from './stars.ts';
import { sceneEpoch } from './wcs.ts';

const NOISE_TAG = 740;
const DEFECT_TAG = 750;
/** Sources are drawn down to this part of the sky noise per pixel. */
const FAINTEST = 0.01;
const READ_NOISE_ELECTRONS = 2.5;
const EXPOSURE_S = 300;

export interface BandImage {
  /** ADU, [y, x]. */
  readonly pixels: Float32Array<ArrayBuffer>;
  /** Pixels at SATURATE by their light, not by a defect. */
  readonly saturated: number;
  readonly badColumns: readonly BadColumn[];
  readonly hotPixels: number;
}

/** Rows y0 <= y < y1 of a column. */
export interface BadColumn {
  readonly x: number;
  readonly y0: number;
  readonly y1: number;
  readonly value: 'nan' | 'saturate';
}

/** Flux of a source, ADU. */
export const fluxAdu = (source: SceneSource, { zeroPoint, wavelengthNm }: SceneBand): number =>
  10 ** (0.4 * (zeroPoint - magnitudeAt(source, wavelengthNm)));

/**
 * The pixels of a band.
 *
 * @param gradient difference of the sky between opposite edges, SKYSIG; 0 for a flat one
 */
export function makeBandImage(
  band: SceneBand,
  size: number,
  sources: readonly SceneSource[],
  key: PhiloxKey,
  gradient: number,
): BandImage {
  const pixels = new Float32Array(size * size);
  const frame: Frame = { width: size, height: size, pixels };
  const galaxies = new GalaxyFrame(frame);
  const psf = psfField(band, size, key);
  const faintest = FAINTEST * band.skySigmaAdu;
  for (const source of sources) {
    const { x, y, n, radiusPx: radius, q, phi } = source;
    const shape = psfShape(psf(x, y));
    const flux = fluxAdu(source, band);
    if (source.type === 'STAR') drawStar(frame, x, y, flux, shape, faintest);
    else galaxies.draw({ x, y, flux, n, radius, q, phi }, shape, faintest);
  }
  galaxies.finish();
  const saturated = expose(frame, band, key, gradient);
  return { pixels, saturated, ...spoil(frame, band, key) };
}

/**
 * Counts from light: photons of sky and sources and read noise, minus the mean sky. A pixel's electrons have the variance and the skewness of a
 * Poisson number plus normal read noise (Cornish & Fisher 1938, to the third cumulant): with 40 electrons of sky that is Poisson's for
 * all purposes. Returns how many pixels saturate.
 */
export function expose({ width, height, pixels }: Frame, band: SceneBand, key: PhiloxKey, gradient: number): number {
  const { electronsPerAdu, skySigmaAdu, saturateAdu, index } = band;
  const read = READ_NOISE_ELECTRONS ** 2;
  const sky = (skySigmaAdu * electronsPerAdu) ** 2 - read;
  const direction = 2 * Math.PI * new PhiloxStream(key, [index, 1, NOISE_TAG]).uniform();
  const [slopeX, slopeY] = [Math.cos(direction), Math.sin(direction)].map((part) => (gradient * skySigmaAdu * part) / width);
  const normals = new Float32Array(width);
  let saturated = 0;
  for (let row = 0; row < height; row++) {
    fillNormals(normals, key, [index, row, NOISE_TAG + 1]);
    for (let column = 0; column < width; column++) {
      const at = row * width + column;
      const glow = slopeX * (column - width / 2) + slopeY * (row - height / 2);
      // A gradient is moonlight that was not subtracted: its mean stands in the counts, its noise is within that of the sky.
      const light = sky + pixels[at] * electronsPerAdu;
      const variance = light + read;
      const z = normals[column];
      const electrons = light + Math.sqrt(variance) * z + ((z * z - 1) * light) / (6 * variance) - sky;
      const value = electrons / electronsPerAdu + glow;
      if (value >= saturateAdu) saturated++;
      pixels[at] = Math.min(value, saturateAdu);
    }
  }
  return saturated;
}

/** Pixels of side per bad column, and hot pixels per pixel. */
const COLUMN_PIXELS = 512;
const HOT = 2e-5;

/** Breaks parts of columns and single pixels: NaN or SATURATE. */
function spoil(
  { width, height, pixels }: Frame,
  { index, saturateAdu }: SceneBand,
  key: PhiloxKey,
): Pick<BandImage, 'badColumns' | 'hotPixels'> {
  const random = new PhiloxStream(key, [index, 0, DEFECT_TAG]);
  const badColumns = Array.from({ length: Math.max(1, Math.round(width / COLUMN_PIXELS)) }, (_, k): BadColumn => {
    const length = Math.round(height * random.between(0.3, 1));
    const y0 = random.integer(height - length + 1);
    return { x: random.integer(width), y0, y1: y0 + length, value: (index + k) % 2 === 0 ? 'nan' : 'saturate' };
  });
  for (const { x, y0, y1, value } of badColumns) {
    for (let y = y0; y < y1; y++) pixels[y * width + x] = value === 'nan' ? Number.NaN : saturateAdu;
  }
  const hotPixels = Math.max(2, Math.round(HOT * width * height));
  for (let k = 0; k < hotPixels; k++) pixels[random.integer(width * height)] = k % 2 === 0 ? Number.NaN : saturateAdu;
  return { badColumns, hotPixels };
}

/** Cards of a band's file behind the WCS. */
export function bandCards(band: SceneBand, seed: number, version: string): NewCard[] {
  const number = (keyword: string, value: number, comment: string): NewCard => ({ keyword, value, comment, type: 'float' });
  const fwhm = effectiveFwhm(band.fwhmPx);
  return [
    { keyword: 'COMMENT', value: 'SYNTHETIC: made by arclet demo scene. No photon in it has been observed.' },
    { keyword: 'ORIGIN', value: 'arclet', comment: 'what made this file' },
    { keyword: 'ARCLETV', value: version, comment: 'version of arclet' },
    { keyword: 'SYNTH', value: true, comment: 'the sky of this file is synthetic' },
    { keyword: 'DEMOSEED', value: seed, comment: 'seed of the demo scene' },
    { keyword: 'OBJECT', value: 'demo scene' },
    { keyword: 'TELESCOP', value: 'arclet', comment: 'a simulation of 7DT' },
    { keyword: 'FILTER', value: band.name, comment: 'medium band, central wavelength in nm' },
    { keyword: 'BUNIT', value: 'adu' },
    number('EXPTIME', EXPOSURE_S, '[s] total'),
    { keyword: 'DATE-OBS', value: sceneEpoch(band.index), comment: 'UTC' },
    number('ZP_AUTO', band.zeroPoint, '[mag] AB magnitude of 1 ADU'),
    number('SKYSIG', band.skySigmaAdu, '[adu] standard deviation of the sky'),
    number('EGAIN', band.electronsPerAdu, '[e-/adu]'),
    number('RDNOISE', READ_NOISE_ELECTRONS, '[e-] part of SKYSIG'),
    number('SATURATE', band.saturateAdu, '[adu] pixels are clipped here'),
    number('PEEING', Number(fwhm.toFixed(4)), '[pix] FWHM of the PSF in the middle, with the pixel'),
    number('SEEING', Number((fwhm * PIXSCALE_ARCSEC).toFixed(4)), '[arcsec] the same'),
  ];
}
