/** What `arclet detect` reads: the image, what its header says, and maps of its shape. */
import { ArcletError, isArcletError } from '../../../core/errors.ts';
import {
  blankIntegerOf,
  type FitsFile,
  type FitsHdu,
  type FitsHeader,
  imageInfo,
  type NumberArray,
  type NumericDtype,
  readSection,
} from '../../../io/fits/index.ts';
import type { Wcs } from '../../../sky/wcs/index.ts';
import { hasCelestialAxes, hduWcs } from '../../files/hdu-wcs.ts';
import { chooseHdu, hasImage, withFits } from '../../files/open.ts';
import type { DetectConfig } from './config.ts';

export interface DetectInput {
  readonly width: number;
  readonly height: number;
  /** Rows of the image; float64 where float32 does not hold its integers. */
  readonly data: Float32Array | Float64Array;
  /** 1 where a pixel is not used: masked, not finite, or without a positive noise. */
  readonly mask: Uint8Array | undefined;
  /** Standard deviation of every pixel, units of the image; 0 where it is not used. */
  readonly sigma: Float32Array | undefined;
  /** Pixels by the reason for which they are not used; a pixel counts once, by the first. */
  readonly bad: { readonly notFinite: number; readonly masked: number; readonly noNoise: number };
  readonly header: FitsHeader;
  /** BUNIT. */
  readonly unit: string | undefined;
  /** Undefined where the header places no pixels on the sky in right ascension and declination. */
  readonly wcs: Wcs | undefined;
  readonly saturate: Known | undefined;
  readonly gain: Known | undefined;
  readonly zeroPoint: Known | undefined;
  readonly warnings: readonly string[];
  /** Files that were read. */
  readonly files: readonly ReadFile[];
}

export interface ReadFile {
  readonly path: string;
  /** As it is stored. */
  readonly bytes: number;
}

/** A number and where it is from: a key of the config or a keyword. */
export interface Known {
  readonly value: number;
  readonly from: string;
}

interface Pixels {
  readonly shape: readonly [height: number, width: number];
  readonly data: Float32Array | Float64Array;
}

/**
 * Reads the image and its maps.
 *
 * @throws INPUT_UNREADABLE; INPUT_INVALID for a file without an image of two axes, a truncated one, a map of another shape, and an image without
 * one pixel that can be used
 */
export async function readDetectInput(config: DetectConfig): Promise<DetectInput> {
  const { image: path } = config;
  const warnings: string[] = [];
  const files: ReadFile[] = [];
  const { pixels, header, wcs, unit, known } = await withFits(path, async (file) => {
    const hdu = chooseHdu(file, config.hdu, hasImage, 'image');
    return {
      pixels: await readPlane(path, file, hdu, files),
      header: hdu.header,
      unit: imageInfo(hdu).unit,
      wcs: await skyOf(path, file, hdu, warnings),
      known: (key: keyof DetectConfig & string, words: readonly string[]) =>
        knownOf(config, key, words, [hdu.header, file.hdus[0].header], path, warnings),
    };
  });
  const [height, width] = pixels.shape;
  const sigma = await readSigma(config, pixels.shape, files);
  const masked =
    config.mask === undefined ? undefined : (await readMap(config.mask, config.maskHdu, pixels.shape, path, files)).data;
  const { mask, bad } = badPixels(pixels.data, masked, sigma);
  const left = width * height - bad.notFinite - bad.masked - bad.noNoise;
  if (left === 0) {
    throw new ArcletError(
      'INPUT_INVALID',
      `${path}: no pixel of ${width * height} can be used: ${bad.notFinite} are not finite, ${bad.masked} masked, ${bad.noNoise} without a positive noise.`,
      { subject: path, remedy: 'Look at the image, its mask and its noise map; in a mask 0 is good.', data: { ...bad } },
    );
  }
  return {
    width,
    height,
    data: pixels.data,
    mask,
    sigma,
    bad,
    header,
    unit,
    wcs,
    saturate: known('saturateAdu', ['SATURATE']),
    gain: known('gainEPerAdu', ['EGAIN', 'GAIN']),
    zeroPoint: known('zeroPointAbMag', ['ZP_AUTO']),
    warnings,
    files,
  };
}

/** An image of two axes; more before them must have length 1. Float32 unless that would lose digits of integers. */
async function readPlane(path: string, file: FitsFile, hdu: FitsHdu, files: ReadFile[]): Promise<Pixels> {
  files.push({ path, bytes: file.source.size });
  const { shape, dtype } = imageInfo(hdu);
  const invalid = (what: string, remedy: string) =>
    new ArcletError('INPUT_INVALID', `${path}: ${what}.`, { subject: path, remedy });
  const leading = shape.length - 2;
  if (leading < 0 || shape.slice(0, leading).some((length) => length !== 1) || shape.includes(0))
    throw invalid(`the image has the shape [${shape}]`, 'Give an image of two axes, or another --hdu.');
  if (hdu.truncated) throw invalid('the file ends before its last pixel', 'Fetch the file again.');
  const { data } = await readSection(hdu, shape.map(() => 0), shape); // biome-ignore format: one thought
  return { shape: [shape[leading], shape[leading + 1]], data: realPixels(data, dtype, blankIntegerOf(hdu)) };
}

/** Integers equal to `blank` are undefined: NaN. */
function realPixels(data: NumberArray, dtype: NumericDtype, blank: number | bigint | undefined): Float32Array | Float64Array {
  if (data instanceof Float32Array || data instanceof Float64Array) return data;
  const isShort = dtype === 'uint8' || dtype === 'int8' || dtype === 'int16' || dtype === 'uint16';
  const pixels = isShort ? new Float32Array(data.length) : new Float64Array(data.length);
  for (let at = 0; at < data.length; at++) pixels[at] = data[at] === blank ? Number.NaN : Number(data[at]);
  return pixels;
}

/** A map of the shape of the image. Throws INPUT_INVALID for another shape. */
async function readMap(
  path: string,
  hdu: string | undefined,
  shape: Pixels['shape'],
  image: string,
  files: ReadFile[],
): Promise<Pixels> {
  const map = await withFits(path, (file) => readPlane(path, file, chooseHdu(file, hdu, hasImage, 'image'), files));
  if (map.shape[0] === shape[0] && map.shape[1] === shape[1]) return map;
  throw new ArcletError(
    'INPUT_INVALID',
    `${path} has ${map.shape[1]} x ${map.shape[0]} pixels, the image ${image} ${shape[1]} x ${shape[0]}.`,
    {
      subject: path,
      remedy: 'Give a map of the same pixels, or name its HDU (mask_hdu, noise_hdu).',
      data: { map: map.shape, image: shape },
    },
  );
}

/** Standard deviations from either kind of map, 0 where there is none; undefined without a map. */
async function readSigma(config: DetectConfig, shape: Pixels['shape'], files: ReadFile[]): Promise<Float32Array | undefined> {
  const { invvar, sigmaMap, noiseHdu, image } = config;
  const path = invvar ?? sigmaMap;
  if (path === undefined) return undefined;
  const { data } = await readMap(path, noiseHdu, shape, image, files);
  const sigma = data instanceof Float32Array ? data : new Float32Array(data.length);
  for (let at = 0; at < data.length; at++) {
    const value = invvar === undefined ? data[at] : 1 / Math.sqrt(data[at]);
    // What is infinite in float32 is no noise either.
    const stored = Math.fround(value);
    sigma[at] = data[at] > 0 && stored > 0 && stored < Infinity ? stored : 0;
  }
  return sigma;
}

/** Every pixel that is not used, in one map; none where all are. */
function badPixels(
  data: ArrayLike<number>,
  masked: ArrayLike<number> | undefined,
  sigma: Float32Array | undefined,
): Pick<DetectInput, 'mask' | 'bad'> {
  const mask = new Uint8Array(data.length);
  const bad = { notFinite: 0, masked: 0, noNoise: 0 };
  for (let at = 0; at < mask.length; at++) {
    // A finite number times 0 is 0, others give NaN.
    if (!(data[at] * 0 === 0)) bad.notFinite++;
    // NaN in a mask is no 0.
    else if (masked !== undefined && masked[at] !== 0) bad.masked++;
    else if (sigma !== undefined && sigma[at] === 0) bad.noNoise++;
    else continue;
    mask[at] = 1;
  }
  return { mask: bad.notFinite + bad.masked + bad.noNoise === 0 ? undefined : mask, bad };
}

/** The WCS of the image where it gives right ascension and declination; else a warning that says why there is none. */
async function skyOf(path: string, file: FitsFile, hdu: FitsHdu, warnings: string[]): Promise<Wcs | undefined> {
  const none = (why: string) => {
    warnings.push(`${path}: ${why}: the table has no RA and DEC.`);
    return undefined;
  };
  if (!hasCelestialAxes(hdu)) return none('the header has no celestial WCS');
  try {
    const wcs = await hduWcs(file, hdu);
    const system = wcs.celestial?.frame.system;
    if (system !== 'equatorial') return none(`the WCS is ${system ?? 'not celestial'}, not equatorial`);
    warnings.push(...wcs.notes.map((note) => `${path}: ${note}`));
    return wcs;
  } catch (error) {
    if (!isArcletError(error)) throw error;
    return none(error.message.replace(/\.$/, ''));
  }
}

/** A number from the config, else from the first of these keywords that any header has. One that is not positive does not count (a magnitude may be). */
function knownOf(
  config: DetectConfig,
  key: keyof DetectConfig & string,
  keywords: readonly string[],
  headers: readonly FitsHeader[],
  path: string,
  warnings: string[],
): Known | undefined {
  const given = config[key];
  if (typeof given === 'number') return { value: given, from: 'config' };
  for (const keyword of keywords) {
    const card = headers.map((header) => header.card(keyword)).find((found) => found?.value !== undefined);
    if (card === undefined) continue;
    const value = typeof card.value === 'bigint' ? Number(card.value) : card.value;
    if (typeof value === 'number' && Number.isFinite(value) && (value > 0 || key === 'zeroPointAbMag'))
      return { value, from: keyword };
    warnings.push(`${path}: ${keyword} is ${JSON.stringify(card.value)}, which is not used.`);
  }
  return undefined;
}
