/** The header of an aligned image: what holds of the pixels that were made, and how they were made. */
import { quantileOfSorted } from '../../../core/statistics.ts';
import { FitsHeader, type HeaderValue, isStructural, type NewCard } from '../../../io/fits/index.ts';
import { epochYearOf } from '../augment/epoch.ts';
import type { ImageFile } from '../load-header.ts';
import { isPlacing, type TargetGrid } from './target.ts';

/** What went into a band, and with what. */
export interface UsedFrame {
  readonly file: ImageFile;
  /** Its pixels times this are pixels of the band: 10^(-0.4 (ZP_AUTO - that of the band)). */
  readonly fluxScale: number;
  /** Area of an output pixel in its pixels, and the side of its pixels, arcsec. */
  readonly areaRatio: number;
  /** Inverse variances on a lattice of the target, its own counts; 0 where it has no data. */
  readonly lattice: Float32Array;
  readonly noiseUnderestimate: number;
}

/** Numbers of a band that follow from those of its frames; see docs/photometry.md. */
export interface BandNumbers {
  readonly zpAuto: number;
  /** Of an output pixel, ADU: median over the image. */
  readonly skySigma: number;
  /** 16th and 84th percentiles of the same. */
  readonly skySigmaRange: readonly [number, number];
  /** e-/ADU, for the noise of sources; median over the image. */
  readonly gain: number;
  /** ADU; Infinity without one. */
  readonly saturate: number;
  /** Output px, and arcsec. */
  readonly fwhmPx: number | undefined;
  readonly mjd: number | undefined;
  readonly exposureSeconds: number | undefined;
  readonly noiseUnderestimate: number;
  /** Share of the pixels that have data. */
  readonly coverage: number;
}

const DAYS_PER_YEAR = 365.25;
const J2000_MJD = 51544.5;

const sortedOf = (values: Iterable<number>): Float64Array => Float64Array.from(values).sort();
const medianOf = (values: Iterable<number>): number => quantileOfSorted(sortedOf(values), 0.5);

/** Seven digits: what is known, and the same whatever the order of sums. */
const rounded = (value: number): number => Number(value.toPrecision(7));

/**
 * Numbers of the band of a weighted mean. With weights w = 1 / (fluxScale sigma)^2 where a frame has data, for each place:
 * gain = (sum w)^2 / sum(w^2 fluxScale / EGAIN), so that flux / gain is the variance that photons of a source add.
 *
 * @param zpAuto that fluxScale leads to
 * @param bandInvvar inverse variance of the band on the lattice of the frames
 * @param pixelArcsec side of an output pixel
 */
export function bandNumbers(
  frames: readonly UsedFrame[],
  zpAuto: number,
  bandInvvar: Float32Array,
  pixelArcsec: number,
): BandNumbers {
  const sigmas: number[] = [];
  const gains: number[] = [];
  for (let place = 0; place < bandInvvar.length; place++) {
    if (!(bandInvvar[place] > 0)) continue;
    sigmas.push(1 / Math.sqrt(bandInvvar[place]));
    let [sum, squares] = [0, 0];
    for (const { lattice, fluxScale, file } of frames) {
      const weight = lattice[place] / fluxScale ** 2;
      sum += weight;
      squares += (weight ** 2 * fluxScale) / file.gain;
    }
    if (sum > 0) gains.push(sum ** 2 / squares);
  }
  const sorted = sortedOf(sigmas);
  const weights = frames.map(({ lattice, fluxScale }) => medianOf(lattice.filter((value) => value > 0)) / fluxScale ** 2);
  const mean = (values: readonly (number | undefined)[]): number | undefined => {
    let [sum, total] = [0, 0];
    values.forEach((value, index) => {
      if (value === undefined || !(weights[index] > 0)) return;
      sum += weights[index] * value;
      total += weights[index];
    });
    return total > 0 ? sum / total : undefined;
  };
  const saturations = frames.flatMap(({ file, fluxScale, areaRatio }) =>
    Number.isFinite(file.saturate) ? [file.saturate * fluxScale * areaRatio] : [],
  );
  const epochs = frames.map(({ file }) => epochYearOf(file.header));
  const year = epochs.every((epoch) => epoch !== undefined) ? mean(epochs) : undefined;
  const exposures = frames.map(({ file }) => finite(file.header.card('EXPTIME')?.value));
  const hasExposures = exposures.every((seconds) => seconds !== undefined);
  return {
    zpAuto,
    skySigma: rounded(quantileOfSorted(sorted, 0.5)),
    skySigmaRange: [quantileOfSorted(sorted, 0.16), quantileOfSorted(sorted, 0.84)],
    gain: rounded(medianOf(gains)),
    saturate: saturations.length > 0 ? Math.fround(Math.max(...saturations)) : Number.POSITIVE_INFINITY,
    fwhmPx: mean(frames.map((frame) => fwhmOf(frame, pixelArcsec))),
    mjd: year === undefined ? undefined : J2000_MJD + (year - 2000) * DAYS_PER_YEAR,
    exposureSeconds: hasExposures ? exposures.reduce((sum, seconds) => sum + (seconds ?? 0), 0) : undefined,
    noiseUnderestimate: mean(frames.map(({ noiseUnderestimate }) => noiseUnderestimate)) ?? 1,
    coverage: sigmas.length / bandInvvar.length,
  };
}

const finite = (value: unknown): number | undefined =>
  typeof value === 'bigint' || (typeof value === 'number' && Number.isFinite(value)) ? Number(value) : undefined;

/** PEEING is in the frame's own pixels, SEEING in arcsec. */
function fwhmOf({ file: { peeingPx, seeingArcsec }, areaRatio }: UsedFrame, pixelArcsec: number): number | undefined {
  if (peeingPx !== undefined) return peeingPx / Math.sqrt(areaRatio);
  return seeingArcsec === undefined ? undefined : seeingArcsec / pixelArcsec;
}

/** Written anew, or no longer true of pixels of several images. */
const OWN = /^(FILTER|ZP_AUTO|SKYSIG|EGAIN|SATURATE|PEEING|SEEING|NCOMBINE|NOISEFAC|ORIGFILE|EXTNAME|EXTVER|INHERIT|EXTEND)$/;
const OF_ONE = /^(GAIN|RDNOISE|EXPTIME|TEXPTIME|DATE-OBS|MJD-OBS|MJD|AIRMASS|UT|JD)$/;

/** Header of the aligned image. Cards that all frames share stay, but for those that describe the old pixels. */
export function bandHeader(
  target: TargetGrid,
  frames: readonly UsedFrame[],
  numbers: BandNumbers,
  pixelArcsec: number,
  words: readonly string[],
): FitsHeader {
  const [{ file: first }] = frames;
  const real = (keyword: string, value: number | undefined, comment: string): NewCard[] =>
    value === undefined || !Number.isFinite(value) ? [] : [{ keyword, value, comment, type: 'float' }];
  const { fwhmPx } = numbers;
  const several = frames.length > 1;
  const own: NewCard[] = [
    { keyword: 'FILTER', value: first.band },
    ...real('ZP_AUTO', numbers.zpAuto, 'zero point of 1 ADU, mag'),
    ...real('SKYSIG', numbers.skySigma, 'noise of a pixel, median over the image, ADU'),
    ...real('EGAIN', numbers.gain, 'e-/ADU, for the noise of sources'),
    ...real('SATURATE', numbers.saturate, 'ADU'),
    ...real('PEEING', fwhmPx === undefined ? undefined : rounded(fwhmPx), 'FWHM, px'),
    ...real('SEEING', fwhmPx === undefined ? undefined : rounded(fwhmPx * pixelArcsec), 'FWHM, arcsec'),
    { keyword: 'NCOMBINE', value: frames.length, comment: 'images in this one' },
    ...real('NOISEFAC', rounded(numbers.noiseUnderestimate), 'noise of sums over many pixels / that of SKYSIG'),
    ...(several ? real('MJD-OBS', numbers.mjd, 'weighted mean') : []),
    ...(several ? real('EXPTIME', numbers.exposureSeconds, 'sum, s') : []),
    ...words.map((value) => ({ keyword: 'HISTORY', value })),
  ];
  const isKept = (keyword: string): boolean =>
    !isStructural(keyword) && !isPlacing(keyword) && !OWN.test(keyword) && !(several && OF_ONE.test(keyword));
  const shared = first.header.cards.filter(
    ({ keyword, type, value }) =>
      type !== 'commentary' &&
      isKept(keyword.toUpperCase()) &&
      frames.every(({ file }) => same(file.header.card(keyword)?.value, value)),
  );
  return new FitsHeader([...target.header.cards, ...shared, ...FitsHeader.of(own).cards], first.band);
}

const same = (a: HeaderValue | undefined, b: HeaderValue | undefined): boolean => String(a) === String(b);
