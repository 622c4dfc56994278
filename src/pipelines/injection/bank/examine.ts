/**
 * From a stamp with its noise to a template without it, or to the reason why not.
 *
 * Cutting negative pixels off (rectifying) turns the noise of a stamp into a pedestal that holds most of the light: half-light radii then
 * are those of a filled square. Here the sky is taken off, the object is found on a smoothed copy, and what lies outside of its grown
 * segment is zero; inside, pixels stay as they are, so that their noise has no bias.
 */
import { centroid, clumpiness, halfLightRadius } from './light.ts';
import { resample } from './resample.ts';
import { type BankRules, type Measured, refused, refuseSize, type Verdict } from './rules.ts';
import { grow, type Segments, type Size, secondPeakShare, segmentsAbove, smooth } from './segment.ts';
import { clippedSky, edgeExcess, freePixels, insideFrame, noiseCorrelation, type Sky } from './sky.ts';

export interface Stamp extends Size {
  /** Row-major, any unit that is linear in light. */
  readonly image: Float64Array;
  readonly pixscaleArcsec: number;
  /** Noise of sums over that of white noise, where it is known; else it is measured. */
  readonly noiseCorrelation?: number;
}

const LEAST_SIDE = 16;
/** The object must come this near to the centre, as a share of the shorter side; at least 3 pixels. */
const CENTRAL = 0.1;
/** A second peak must rise by this many standard deviations of the smoothed sky over its saddle, or it is noise. */
const PEAK_RISE_SIGMA = 5;
/** A neighbour must have this signal to noise, or it is noise. */
const NEIGHBOUR_SNR = 5;
/** Standard deviations from which the edge is brighter, not noise. */
const EDGE_SIGMA = 3;
/** Without noise, pixels of an object are brighter than this share of the brightest. */
const NOISELESS_SHARE = 1e-5;
/** Noise was cut off where so much of the sky has the lowest value; more is a sky without noise. */
const LEAST_CUT = 0.1;
const MOST_CUT = 0.9;
/** The sky is measured again outside of all objects when so many pixels are left. */
const LEAST_SKY_PIXELS = 150;

/** Examines one stamp. Never throws for what is in it. */
export function examineStamp(stamp: Stamp, rules: BankRules): Verdict {
  const { width, height, image } = stamp;
  const bad = image.reduce((count, value) => count + (Number.isFinite(value) ? 0 : 1), 0);
  if (bad > 0) return refused('NOT_FINITE', `${bad} of ${image.length} pixels are not finite`);
  if (Math.min(width, height) < LEAST_SIDE) return refused('TOO_SMALL', `${width} x ${height} pixels`);

  const cut = cutShare(stamp);
  if (cut > LEAST_CUT && cut < MOST_CUT) {
    return refused('RECTIFIED', `${percent(cut)} of the pixels along the edge have the lowest value of the stamp`);
  }
  const found = detect(stamp, rules);
  const { sky, smoothSigma, segments, taken } = found;
  const measured: Measured = { sky: sky.level, noiseSigma: sky.sigma };
  const light = image.map((value) => value - sky.level);
  const label = centralSegment(segments, light, stamp, rules.minAreaPx);
  if (label === undefined) return refused('NO_CENTRAL_OBJECT', describeThreshold(rules), measured);

  const inside = Uint8Array.from(segments.labels, (one) => (one === label ? 1 : 0));
  const kept = grow(inside, stamp, Math.max(2, rules.grow * Math.sqrt(segments.areas[label] / Math.PI)));
  const correlation = stamp.noiseCorrelation ?? noiseCorrelation(image, taken, width, height, sky);
  const flux = sumOf(light, kept);
  const area = kept.reduce((count, one) => count + one, 0);
  const snr = sky.sigma === 0 ? Number.POSITIVE_INFINITY : flux / (sky.sigma * correlation * Math.sqrt(area));
  const segmentAreaPx = area * (stamp.pixscaleArcsec / rules.srcPixscaleArcsec) ** 2;
  Object.assign(measured, { noiseCorrelation: correlation, flux, snr, segmentAreaPx });
  if (!(snr >= rules.snrMin)) return refused('LOW_SNR', `${snr.toFixed(1)} is below ${rules.snrMin}`, measured);

  const own = sumOf(light, inside);
  const atEdge = edgeLight(light, inside, stamp) / own;
  if (atEdge > rules.maxBorderShare) {
    return refused('TOUCHES_BORDER', `${percent(atEdge)} of its light lies in pixels at the edge`, measured);
  }
  const edge = edgeExcess(image, width, height, correlation);
  const spread = (edge.excess * image.length) / flux;
  if (spread > rules.maxEdgeShare && edge.excess > EDGE_SIGMA * edge.sigma) {
    return refused('TOUCHES_BORDER', `the edge is brighter along its sides by ${percent(spread)} of its light`, measured);
  }
  const neighbour = neighbourLight(segments, label, light, kept, sky, correlation, rules.minAreaPx) / own;
  if (neighbour > rules.maxNeighbourShare) {
    return refused('SECOND_OBJECT', `a neighbour with ${percent(neighbour)} of its light meets the segment`, measured);
  }
  const second = secondPeakShare(found.smoothed, stamp, inside, PEAK_RISE_SIGMA * smoothSigma);
  if (second > rules.maxSecondPeakShare) {
    return refused('SECOND_OBJECT', `${percent(second)} of its light is in a second peak`, measured);
  }
  return makeTemplate(light, kept, flux, stamp, rules, measured);
}

/**
 * Share of the pixels in the frame along the edge that have the lowest value of the stamp. Of noise cut at zero that is a half, of noise as it
 * was next to nothing, and of a galaxy without noise on an empty sky next to everything.
 */
function cutShare({ image, width, height }: Stamp): number {
  const sky = freePixels(image, insideFrame(width, height));
  const lowest = image.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  return sky.reduce((count, value) => count + (value === lowest ? 1 : 0), 0) / sky.length;
}

/** The light in the segment on the pixels of the bank. */
function makeTemplate(
  light: Float64Array,
  kept: Uint8Array,
  flux: number,
  stamp: Stamp,
  rules: BankRules,
  measured: Measured,
): Verdict {
  const own = light.map((value, pixel) => (kept[pixel] === 0 ? 0 : rules.rectifyInSegment ? Math.max(0, value) : value));
  const side = rules.stampSize;
  // Scales that differ by rounding (0.0299999993 in catalogues of float32) are one.
  const ratio = rules.srcPixscaleArcsec / stamp.pixscaleArcsec;
  const placed = resample(own, stamp, centroid(own, stamp), Math.abs(ratio - 1) < 1e-4 ? 1 : ratio, side);
  const total = placed.reduce((sum, value) => sum + value, 0);
  const lost = 1 - total / own.reduce((sum, value) => sum + value, 0);
  if (!(lost <= rules.maxLostShare)) {
    return refused('LARGER_THAN_STAMP', `${percent(lost)} of its light lies outside of ${side} pixels`, measured);
  }
  const size = { width: side, height: side };
  const hlrArcsec = halfLightRadius(placed, size, centroid(placed, size)) * rules.srcPixscaleArcsec;
  measured.hlrArcsec = hlrArcsec;
  measured.clumpiness = clumpiness(placed, size);
  const input = Math.min(stamp.width, stamp.height) * stamp.pixscaleArcsec;
  const wrong = refuseSize(hlrArcsec, Math.min(input, side * rules.srcPixscaleArcsec), rules);
  if (wrong !== undefined) return refused(wrong.reason, wrong.detail, measured);
  return {
    template: Float32Array.from(placed, (value) => value / total),
    measured: { ...measured, flux } as Required<Measured>,
  };
}

interface Detection {
  readonly sky: Sky;
  /** Of the smoothed sky. */
  readonly smoothSigma: number;
  readonly smoothed: Float64Array;
  readonly segments: Segments;
  /** Pixels that may hold light of objects. */
  readonly taken: Uint8Array;
}

/** Sky and objects: first with the sky of a frame along the edge, then with that of all pixels away from what was found. */
function detect(stamp: Stamp, rules: BankRules): Detection {
  const smoothed = smooth(stamp.image, stamp, rules.smoothSigmaPx);
  const frame = insideFrame(stamp.width, stamp.height);
  const first = detectWith(stamp, smoothed, frame, rules);
  const found = new Uint8Array(stamp.image.length);
  const { labels, areas } = first.segments;
  for (let pixel = 0; pixel < found.length; pixel++) found[pixel] = areas[labels[pixel]] >= rules.minAreaPx ? 1 : 0;
  const taken = grow(found, stamp, Math.max(2, 2 * rules.smoothSigmaPx));
  const free = taken.reduce((count, one) => count + (one === 0 ? 1 : 0), 0);
  if (free < LEAST_SKY_PIXELS) return { ...first, smoothed, taken: frame };
  return { ...detectWith(stamp, smoothed, taken, rules), smoothed, taken };
}

function detectWith({ image, ...size }: Stamp, smoothed: Float64Array, taken: Uint8Array, rules: BankRules) {
  const sky = clippedSky(freePixels(image, taken));
  const { level, sigma: smoothSigma } = clippedSky(freePixels(smoothed, taken));
  const brightest = smoothed.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const least = NOISELESS_SHARE * (brightest - level);
  const segments = segmentsAbove(smoothed, size, level + Math.max(rules.detectSigma * smoothSigma, least));
  return { sky, smoothSigma, segments };
}

/** Of the objects that come near to the centre, the one with most light. */
function centralSegment(segments: Segments, light: Float64Array, { width, height }: Size, leastArea: number): number | undefined {
  const radius = Math.max(3, CENTRAL * Math.min(width, height));
  const central = new Set<number>();
  for (let pixel = 0; pixel < light.length; pixel++) {
    const [x, y] = [(pixel % width) - (width - 1) / 2, Math.floor(pixel / width) - (height - 1) / 2];
    const label = segments.labels[pixel];
    if (label !== 0 && x * x + y * y <= radius * radius && segments.areas[label] >= leastArea) central.add(label);
  }
  const fluxes = segmentLight(segments, light);
  return [...central].sort((a, b) => fluxes[b] - fluxes[a] || a - b)[0];
}

function segmentLight({ labels, areas }: Segments, light: Float64Array): Float64Array {
  const fluxes = new Float64Array(areas.length);
  for (let pixel = 0; pixel < light.length; pixel++) fluxes[labels[pixel]] += light[pixel];
  return fluxes;
}

/** Light of the brightest other object that the grown segment meets and that is no noise. */
function neighbourLight(
  segments: Segments,
  own: number,
  light: Float64Array,
  kept: Uint8Array,
  sky: Sky,
  correlation: number,
  leastArea: number,
): number {
  const met = new Set<number>();
  for (let pixel = 0; pixel < kept.length; pixel++) if (kept[pixel] !== 0) met.add(segments.labels[pixel]);
  const fluxes = segmentLight(segments, light);
  const real = [...met].filter((label) => {
    const area = segments.areas[label];
    if (label === 0 || label === own || area < leastArea) return false;
    return fluxes[label] >= NEIGHBOUR_SNR * sky.sigma * correlation * Math.sqrt(area);
  });
  return Math.max(0, ...real.map((label) => fluxes[label]));
}

function sumOf(light: Float64Array, mask: Uint8Array): number {
  let sum = 0;
  for (let pixel = 0; pixel < light.length; pixel++) if (mask[pixel] !== 0) sum += light[pixel];
  return sum;
}

function edgeLight(light: Float64Array, inside: Uint8Array, { width, height }: Size): number {
  let sum = 0;
  for (let pixel = 0; pixel < light.length; pixel++) {
    const [x, y] = [pixel % width, Math.floor(pixel / width)];
    if (inside[pixel] !== 0 && (x === 0 || y === 0 || x === width - 1 || y === height - 1)) sum += light[pixel];
  }
  return sum;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

function describeThreshold({ detectSigma, minAreaPx }: BankRules): string {
  return `nothing of ${minAreaPx} pixels above ${detectSigma} standard deviations`;
}
