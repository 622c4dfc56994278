/** What the images of a field must have in common: shape, WCS, and one image per band. */
import type { FitsHeader } from '../../io/fits/index.ts';
import type { FitConfig } from './config.ts';
import type { PixelBox } from './field.ts';
import type { FileProblem, ImageFile } from './load-header.ts';

const ALIGN = 'Set resample.enabled: true, which puts all images on one grid, or raise checks.wcs_tolerance on purpose.';

/** Differences of one image from the first; and bands that two images have. */
export function alignmentProblems(images: readonly ImageFile[], { checks, profile }: FitConfig): FileProblem[] {
  const [first, ...others] = images;
  const problems: FileProblem[] = [];
  for (const { path, shape, header } of others) {
    if (checks.requireSameShape && (shape[0] !== first.shape[0] || shape[1] !== first.shape[1])) {
      const what = `it has ${shape[1]} x ${shape[0]} px, and ${first.path} ${first.shape[1]} x ${first.shape[0]}`;
      problems.push({ path, what, remedy: 'Give images of one shape, or set resample.enabled: true.' });
    }
    if (!checks.requireWcsAlignment) continue;
    const differences = wcsDifferences(first.header, header, checks.wcsTolerance, profile === 'arclet');
    if (differences.length > 0) {
      const more = differences.length > 3 ? `; and ${differences.length - 3} more` : '';
      problems.push({
        path,
        what: `its WCS is not that of ${first.path}: ${differences.slice(0, 3).join('; ')}${more}`,
        remedy: ALIGN,
      });
    }
  }
  return [...problems, ...duplicateBands(images, 'Set resample.enabled: true to combine images of one band, or give each')];
}

/** Images that do not hold all pixels that are stacked, as checks.require_same_shape: false lets them through. */
export function coverageProblems(images: readonly ImageFile[], { x0, y0, width, height }: PixelBox): FileProblem[] {
  const [first] = images;
  const short = images.filter(({ shape }) => shape[1] < x0 + width || shape[0] < y0 + height);
  return short.map(({ path, shape }) => ({
    path,
    what: `it has ${shape[1]} x ${shape[0]} px, and ${first.path} ${first.shape[1]} x ${first.shape[0]}: checks.require_same_shape is false, but x ${x0} to ${x0 + width - 1} and y ${y0} to ${y0 + height - 1} are stacked of each`,
    remedy:
      'Put an image first in the list that no other is smaller than, raise crop.margin (with crop.plot_pre_crop: false), or set resample.enabled: true.',
  }));
}

/** Bands that two images have; `orElse`: what may be done but to name them apart. */
export function duplicateBands(images: readonly Pick<ImageFile, 'band' | 'path'>[], orElse: string): FileProblem[] {
  // A missing FILTER has been told.
  const byBand = Map.groupBy(
    images.filter(({ band }) => band !== ''),
    ({ band }) => band,
  );
  return [...byBand].flatMap(([band, [first, ...others]]) =>
    others.map(({ path }) => ({
      path,
      what: `its FILTER is ${band}, as that of ${first.path}`,
      remedy: `${orElse} a FILTER of its own, in its header or in inputs.filter_overrides.`,
    })),
  );
}

type Tolerance = FitConfig['checks']['wcsTolerance'];

/** Keywords whose values differ by more than the tolerance, each with both values and how far they are apart. */
export function wcsDifferences(a: FitsHeader, b: FitsHeader, tolerance: Tolerance, withDistortion: boolean): string[] {
  const differences: string[] = [];
  for (const key of ['CTYPE1', 'CTYPE2']) {
    const [one, other] = [a.text(key) ?? '', b.text(key) ?? ''];
    if (one !== other) differences.push(`${key} is '${other}', not '${one}'`);
  }
  const compare = (key: string, missing: number, bound: number, unit: string, turn = Number.POSITIVE_INFINITY) => {
    const [one, other] = [a.number(key, missing), b.number(key, missing)];
    const apart = Math.abs(one - other);
    const off = Math.min(apart, Math.abs(turn - apart));
    // NaN is no agreement.
    if (!(off <= bound))
      differences.push(`${key} is off by ${Number(off.toPrecision(3))} ${unit} (${other}, not ${one}; tolerance ${bound})`);
  };
  for (const axis of [1, 2]) {
    compare(`CRVAL${axis}`, 0, tolerance.crval, 'deg', 360);
    compare(`CRPIX${axis}`, 0, tolerance.crpix, 'px');
  }
  const [aHasCd, bHasCd] = [a, b].map((header) => MATRIX.some((place) => header.has(`CD${place}`)));
  if (aHasCd !== bHasCd)
    differences.push(
      `it has ${bHasCd ? 'a CD matrix' : 'CDELT and no CD matrix'}, and the other ${aHasCd ? 'a CD matrix' : 'CDELT'}`,
    );
  else if (aHasCd) for (const place of MATRIX) compare(`CD${place}`, 0, tolerance.cd, 'deg/px');
  else {
    for (const axis of [1, 2]) compare(`CDELT${axis}`, 1, tolerance.cdelt, 'deg/px');
    for (const place of MATRIX) compare(`PC${place}`, place[0] === place[2] ? 1 : 0, tolerance.cd, '');
    compare('CROTA2', 0, tolerance.cd, 'deg');
  }
  if (withDistortion) {
    const keys = new Set([...a.keys(), ...b.keys()].filter((key) => DISTORTION.test(key)));
    for (const key of keys) compare(key, 0, tolerance.cd, '');
  }
  return differences;
}

const MATRIX = ['1_1', '1_2', '2_1', '2_2'] as const;
/** TPV and projection parameters, SIP, and the native pole. */
const DISTORTION = /^(PV[12]_\d+|[AB]P?_\d_\d|LONPOLE|LATPOLE)$/;
