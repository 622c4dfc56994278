/** The grid that images are put on: a tangent plane over all of them, the grid of the first, or that of a file. */
import { ArcletError } from '../../../core/errors.ts';
import { quantileOfSorted } from '../../../core/statistics.ts';
import { FitsHeader, imageInfo, type NewCard } from '../../../io/fits/index.ts';
import { openFitsFile } from '../../../io/fits/node.ts';
import { footprint, parseHeaderText, pixelScale, type Wcs, wcsFromHeader } from '../../../sky/wcs/index.ts';
import { wcsDifferences } from '../checks.ts';
import type { FitConfig } from '../config.ts';
import type { ImageHeader } from '../load-header.ts';
import { getObject } from '../places.ts';
import type { Grid } from './plan.ts';

/** A grid with the cards that say so. */
export interface TargetGrid extends Grid {
  /** WCS cards only. */
  readonly header: FitsHeader;
  /** For people: where it comes from. */
  readonly from: string;
}

/** All that places pixels on the sky, in all descriptions, and what is counted in pixels of the old grid. */
const PLACING =
  /^((WCSAXES|WCSNAME|LONPOLE|LATPOLE|RADESYS|EQUINOX|(CTYPE|CUNIT|CRVAL|CRPIX|CDELT|CROTA|CNAME|CRDER|CSYER)\d+|(CD|PC)\d+_\d+|P[VS]\d+_\d+)[A-Z]?|RADECSYS|EPOCH|[AB]P?_(ORDER|DMAX|\d+_\d+)|WAT\d_\d+|LTV\d|LTM\d_\d|CNPIX\d|(D2IM|CPDIS|CPERR|D2IMDIS|D2IMERR|DP|DQ)\d+(\..*)?|D2IMEXT|NPOLEXT|AXISCORR|(DATA|TRIM|BIAS|CCD|DET|AMP)SEC[A-Z]?)$/;
/** Of these, what the primary description of a two-dimensional sky has. */
const KEPT =
  /^(C(TYPE|UNIT|RVAL|RPIX|DELT|ROTA)[12]|(CD|PC)[12]_[12]|P[VS][12]_\d+|[AB]P?_(ORDER|DMAX|\d+_\d+)|LONPOLE|LATPOLE|RADESYS|RADECSYS|EQUINOX|EPOCH)$/;

export const isPlacing = (keyword: string): boolean => PLACING.test(keyword);

/** Points along a side of an image: between them a field of a degree bends by less than a tenth of a pixel. */
const PER_SIDE = 16;
/** A target this many times as large as all images together is mostly empty: one of them lies elsewhere. */
const MOSTLY_EMPTY = 8;
const LEAST_SIDE = 16;

/**
 * The target of the config.
 *
 * @throws INPUT_INVALID for images that have no common plane or lie far apart, and for a file without a grid; INPUT_UNREADABLE
 */
export async function targetGrid(files: readonly ImageHeader[], { resample, checks }: FitConfig): Promise<TargetGrid> {
  const { target, pixelScaleArcsec, margin } = resample;
  const [first] = files;
  const onFirst = (from: string) => gridOf(wcsCards(first.header), first.shape[1], first.shape[0], from);
  if (target === 'first') return onFirst(first.path);
  if (target !== 'auto') return gridOfFile(target);
  // Resampling costs sharpness and correlates noise: none where nothing asks for it.
  const isShared = files.every((file) => isOnGrid(file, first.header, first.shape, checks.wcsTolerance));
  return isShared && pixelScaleArcsec === null && margin === 0
    ? onFirst('the grid that all images share')
    : planeOver(files, resample);
}

/** Whether an image has the shape [y, x] and, within the tolerance, the WCS of a header. */
export function isOnGrid(
  { header, shape }: ImageHeader,
  grid: FitsHeader,
  [height, width]: readonly [number, number],
  tolerance: FitConfig['checks']['wcsTolerance'],
): boolean {
  return shape[0] === height && shape[1] === width && wcsDifferences(grid, header, tolerance, true).length === 0;
}

const median = (values: Float64Array): number => quantileOfSorted(values.toSorted(), 0.5);

const wcsCards = (header: FitsHeader): FitsHeader => header.clone().remove((keyword) => !KEPT.test(keyword));

function gridOf(header: FitsHeader, width: number, height: number, from: string): TargetGrid {
  const wcs = wcsFromHeader(header);
  if (wcs.celestial !== undefined && width >= LEAST_SIDE && height >= LEAST_SIDE) return { wcs, width, height, header, from };
  const what = wcs.celestial === undefined ? 'has no celestial WCS' : `is ${width} x ${height} px`;
  throw new ArcletError('INPUT_INVALID', `The target of resampling, ${from}, ${what}.`, {
    subject: from,
    remedy: `Name an image of ${LEAST_SIDE} px and more a side with a WCS in resample.target, or auto.`,
  });
}

/** A FITS image, or its header as text: one card a line, as SWarp's .head files and astropy's totextfile have it. */
async function gridOfFile(place: string): Promise<TargetGrid> {
  if (/\.(head|hdr|txt)$/i.test(place)) {
    const cards = parseHeaderText(new TextDecoder('latin1').decode(await getObject(place)));
    const size = (axis: number) => Number(cards.get(`NAXIS${axis}`) ?? 0);
    const kept = [...cards].flatMap(([keyword, value]) =>
      KEPT.test(keyword) ? [{ keyword, value: value as string | number }] : [],
    );
    return gridOf(FitsHeader.of(kept), size(1), size(2), place);
  }
  const file = await openFitsFile(place);
  try {
    const hdu = file.hdus.find(
      ({ type, axes }) => type === 'COMPRESSED_IMAGE' || (type !== 'TABLE' && type !== 'BINTABLE' && axes.length > 1),
    );
    const [width, height] = hdu === undefined ? [0, 0] : imageInfo(hdu).shape.toReversed();
    return gridOf(wcsCards((hdu ?? file.hdus[0]).header), width, height, place);
  } finally {
    await file.close();
  }
}

/** A box of pixels, both ends in it. */
interface Extent {
  readonly low: readonly [number, number];
  readonly high: readonly [number, number];
}

type Corner = readonly [number, number];
const pairwise = (pick: (...values: number[]) => number, corners: readonly Corner[]): Corner => [
  pick(...corners.map(([x]) => x)),
  pick(...corners.map(([, y]) => y)),
];
const around = (extents: readonly Extent[]): Extent => ({
  low: pairwise(
    Math.min,
    extents.map(({ low }) => low),
  ),
  high: pairwise(
    Math.max,
    extents.map(({ high }) => high),
  ),
});
const common = (extents: readonly Extent[]): Extent => ({
  low: pairwise(
    Math.max,
    extents.map(({ low }) => low),
  ),
  high: pairwise(
    Math.min,
    extents.map(({ high }) => high),
  ),
});
const sizeOf = ({ low, high }: Extent): Corner => [high[0] - low[0] + 1, high[1] - low[1] + 1];

/** North up, east left; the middle of the images' outlines on the sphere is the point of contact, so that RA 0 and the poles are no seams. */
function planeOver(files: readonly ImageHeader[], settings: FitConfig['resample']): TargetGrid {
  const outlines = files.map((file) => outlineOf(file));
  const [lon, lat] = middleOf(outlines);
  const scale =
    settings.pixelScaleArcsec ??
    median(Float64Array.from(files, ({ wcs, shape: [height, width] }) => middleScale({ wcs, width, height })));
  const cards = (crpix: Corner) => planeCards(files[0].wcs, lon, lat, crpix, scale / 3600);
  const plane = wcsFromHeader(FitsHeader.of(cards([1, 1])));
  const extents = files.map(({ path }, index) => extentOf(plane, outlines[index], path));
  const bands = Map.groupBy(extents.keys(), (index) => files[index].band);
  const byBand = [...bands.values()].map((indices) => around(indices.map((index) => extents[index])));
  const { low, high } = settings.extent === 'union' ? around(byBand) : common(byBand);
  const [width, height] = sizeOf({ low, high }).map((side) => side + 2 * settings.margin);
  const own = extents.reduce((sum, extent) => sum + sizeOf(extent)[0] * sizeOf(extent)[1], 0);
  if (settings.extent === 'union' && width * height > MOSTLY_EMPTY * own) throw tooFarApart(files, extents, width, height);
  if (width < LEAST_SIDE || height < LEAST_SIDE) {
    throw new ArcletError('INPUT_INVALID', 'The bands have no box of the sky in common.', {
      subject: 'resample.extent',
      remedy: 'Set resample.extent: union, or take images that lie elsewhere off the list.',
    });
  }
  const crpix: Corner = [1 - low[0] + settings.margin, 1 - low[1] + settings.margin];
  return gridOf(FitsHeader.of(cards(crpix)), width, height, 'a tangent plane over all images');
}

function outlineOf({ wcs, shape, path }: ImageHeader): { lonDeg: Float64Array; latDeg: Float64Array } {
  try {
    return footprint(wcs, { width: shape[1], height: shape[0], pointsPerSide: PER_SIDE });
  } catch (cause) {
    throw new ArcletError('INPUT_INVALID', `${path}: parts of its outline are not on the sky.`, {
      subject: path,
      remedy: 'Cut the image to the sky, or give resample.target.',
      cause,
    });
  }
}

/** Direction of the mean of unit vectors, degrees. */
function middleOf(outlines: readonly { lonDeg: Float64Array; latDeg: Float64Array }[]): [lon: number, lat: number] {
  const rad = Math.PI / 180;
  let [x, y, z] = [0, 0, 0];
  for (const { lonDeg, latDeg } of outlines) {
    for (let k = 0; k < lonDeg.length; k++) {
      const [lon, lat] = [lonDeg[k] * rad, latDeg[k] * rad];
      x += (Math.cos(lat) * Math.cos(lon)) / lonDeg.length;
      y += (Math.cos(lat) * Math.sin(lon)) / lonDeg.length;
      z += Math.sin(lat) / lonDeg.length;
    }
  }
  return [(((Math.atan2(y, x) / rad) % 360) + 360) % 360, Math.atan2(z, Math.hypot(x, y)) / rad];
}

/** Side of the middle pixel of a grid, arcsec: geometric mean of the axes. */
export function middleScale({ wcs, width, height }: Grid): number {
  const { xArcsec, yArcsec } = pixelScale(wcs, (width - 1) / 2, (height - 1) / 2);
  return Math.sqrt(xArcsec * yArcsec);
}

function planeCards({ axes, celestial }: Wcs, lon: number, lat: number, crpix: Corner, step: number): NewCard[] {
  const { lonAxis, latAxis, frame } = celestial!;
  const [name1, name2] = [axes[lonAxis].name, axes[latAxis].name].map((name) => `${name.padEnd(4, '-')}-TAN`);
  const real = (keyword: string, value: number): NewCard => ({ keyword, value, type: 'float' });
  return [
    { keyword: 'CTYPE1', value: name1 },
    { keyword: 'CTYPE2', value: name2 },
    { keyword: 'CUNIT1', value: 'deg' },
    { keyword: 'CUNIT2', value: 'deg' },
    real('CRVAL1', lon),
    real('CRVAL2', lat),
    real('CRPIX1', crpix[0]),
    real('CRPIX2', crpix[1]),
    real('CD1_1', -step),
    real('CD1_2', 0),
    real('CD2_1', 0),
    real('CD2_2', step),
    ...(frame.radesys === undefined ? [] : [{ keyword: 'RADESYS', value: frame.radesys }]),
    ...(frame.equinox === undefined ? [] : [real('EQUINOX', frame.equinox)]),
  ];
}

/** Pixels of the plane that an outline encloses, whole ones. */
function extentOf(plane: Wcs, { lonDeg, latDeg }: { lonDeg: Float64Array; latDeg: Float64Array }, path: string): Extent {
  const { x, y, failed } = plane.worldToPixels(lonDeg, latDeg);
  if (failed > 0) {
    throw new ArcletError('INPUT_INVALID', `${path} lies more than a quarter of the sky from the middle of the images.`, {
      subject: path,
      remedy: 'Take it off the image list, or give resample.target.',
    });
  }
  const bounds = (values: Float64Array): Corner => [
    Math.ceil(values.reduce((least, value) => Math.min(least, value), Infinity) - 1e-6),
    Math.floor(values.reduce((most, value) => Math.max(most, value), -Infinity) + 1e-6),
  ];
  const [[left, right], [bottom, top]] = [bounds(x), bounds(y)];
  return { low: [left, bottom], high: [right, top] };
}

function tooFarApart(files: readonly ImageHeader[], extents: readonly Extent[], width: number, height: number): ArcletError {
  const middle = ({ low, high }: Extent): Corner => [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2];
  const centre = pairwise((...values) => median(Float64Array.from(values)), extents.map(middle));
  const distances = extents.map((extent) => Math.hypot(middle(extent)[0] - centre[0], middle(extent)[1] - centre[1]));
  const furthest = distances.indexOf(Math.max(...distances));
  return new ArcletError(
    'INPUT_INVALID',
    `The images are so far apart that a plane over them has ${width} x ${height} px; ${files[furthest].path} lies ${Math.round(distances[furthest])} px from the middle one.`,
    {
      subject: files[furthest].path,
      remedy: 'Check its WCS, take it off the image list, or give resample.target.',
      data: { width, height },
    },
  );
}
