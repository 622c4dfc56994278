/** The header of an aligned image: what holds of the pixels that were made, and how they were made. */
import { quantileOfSorted } from '../../../core/statistics.ts';
import { FitsHeader, type HeaderValue, isStructural, type NewCard } from '../../../io/fits/index.ts';
import { mjdOf } from '../augment/epoch.ts';
import type { ImageHeader } from '../load-header.ts';
import { isPlacing, type TargetGrid } from './target.ts';

/** What went into a band, and with what. */
export interface UsedFrame {
  readonly file: ImageHeader;
  /** Its pixels times this are pixels of the band: 10^(-0.4 (ZP_AUTO - that of the band)). */
  readonly fluxScale: number;
  /** Area of an output pixel in its pixels, and the side of its pixels, arcsec. */
  readonly areaRatio: number;
  /** Inverse variances on a lattice of the target, its own counts; 0 where it has no data. */
  readonly lattice: Float32Array;
  /** Of a pixel that has data: their median on the lattice, or that of any pixel where none lies on it. */
  readonly typicalInvvar: number;
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
 * @param fillSaturated whether pixels that are saturated in some frames are made of the others
 */
export function bandNumbers(
  frames: readonly UsedFrame[],
  zpAuto: number,
  bandInvvar: Float32Array,
  pixelArcsec: number,
  fillSaturated: boolean,
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
  const covered = sigmas.length;
  const weights = frames.map(({ typicalInvvar, fluxScale }) => typicalInvvar / fluxScale ** 2);
  // Frames may cover a corner of the target between two places.
  const deepest = weights.indexOf(Math.max(...weights));
  if (sigmas.length === 0) sigmas.push(1 / Math.sqrt(weights[deepest]));
  if (gains.length === 0) gains.push(frames[deepest].file.gain / frames[deepest].fluxScale);
  const sorted = sortedOf(sigmas);
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
  const days = frames.map(({ file }) => mjdOf(file.header));
  const mjd = days.every((day) => day !== undefined) ? mean(days) : undefined;
  // What is good in all frames is below the least; of what others fill, the largest is known only.
  const bound = fillSaturated ? Math.max(...saturations) : Math.min(...saturations);
  const exposures = frames.map(({ file }) => finite(file.header.card('EXPTIME')?.value));
  const hasExposures = exposures.every((seconds) => seconds !== undefined);
  return {
    zpAuto,
    skySigma: rounded(quantileOfSorted(sorted, 0.5)),
    skySigmaRange: [quantileOfSorted(sorted, 0.16), quantileOfSorted(sorted, 0.84)],
    gain: rounded(medianOf(gains)),
    saturate: saturations.length > 0 ? Math.fround(bound) : Number.POSITIVE_INFINITY,
    fwhmPx: mean(frames.map((frame) => fwhmOf(frame, pixelArcsec))),
    mjd: mjd === undefined ? undefined : Math.round(mjd * MJD_STEPS) / MJD_STEPS,
    exposureSeconds: hasExposures ? exposures.reduce((sum, seconds) => sum + (seconds ?? 0), 0) : undefined,
    noiseUnderestimate: mean(frames.map(({ noiseUnderestimate }) => noiseUnderestimate)) ?? 1,
    coverage: covered / bandInvvar.length,
  };
}

/** Of a day: a millisecond, which a float64 holds. */
const MJD_STEPS = 1e8;

const finite = (value: unknown): number | undefined =>
  typeof value === 'bigint' || (typeof value === 'number' && Number.isFinite(value)) ? Number(value) : undefined;

/** PEEING is in the frame's own pixels, SEEING in arcsec. */
function fwhmOf({ file: { peeingPx, seeingArcsec }, areaRatio }: UsedFrame, pixelArcsec: number): number | undefined {
  if (peeingPx !== undefined) return peeingPx / Math.sqrt(areaRatio);
  return seeingArcsec === undefined ? undefined : seeingArcsec / pixelArcsec;
}

/** Written anew, or counted in old pixels. */
const OWN =
  /^(FILTER|ZP_AUTO|SKYSIG|EGAIN|SATURATE|PEEING|SEEING|NCOMBINE|NOISEFAC|ORIGFILE|EXTNAME|EXTVER|INHERIT|EXTEND|PIXSCA\w*|PIXSIZE\w*|SECPIX\w*|FWHM\w*|RDNOISE)$/;
/** Not true of pixels of several images. */
const OF_ONE = /^(GAIN|EXPTIME|TEXPTIME|DATE-OBS|MJD-OBS|MJD|AIRMASS|UT|JD)$/;

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
