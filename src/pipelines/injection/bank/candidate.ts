/** A candidate for a bank, and how its pixels are read. */
import { type FitsFile, type FitsHdu, imageInfo, readSection } from '../../../io/fits/index.ts';
import { pixelAreaArcsec2 } from '../../../sky/wcs/index.ts';
import { hduWcs } from '../../files/hdu-wcs.ts';
import type { Stamp } from './examine.ts';
import { type Refusal, refused } from './rules.ts';
import type { ParametricGalaxy } from './sersic-template.ts';

export type Loaded = { readonly stamp: Stamp } | { readonly galaxy: ParametricGalaxy } | Refusal;

export interface Candidate {
  /** File, HDU and plane or row: `stamps.fits[3]`, `cube.fits[0][17]`, `catalogue.fits row 5`. */
  readonly source: string;
  /** Throws what reading throws. */
  load(): Promise<Loaded>;
}

export interface SourceOptions {
  /** Pixel of stamps whose header does not say, arcsec. */
  readonly inputPixscaleArcsec?: number;
  /** Folder of the images that catalogues name; undefined: that of the catalogue. */
  readonly imagesFolder?: string;
  /** Meaning of half-light radii in tables that do not say. */
  readonly radiusConvention: 'major' | 'circularised';
}

/** A plane of an image with its pixel scale. Throws INPUT_INVALID where it cannot be read. */
export async function loadStamp(
  file: FitsFile,
  index: number,
  plane: number,
  pixscaleArcsec: number | undefined,
): Promise<Loaded> {
  const hdu = file.hdu(index);
  const { shape } = imageInfo(hdu);
  const [height, width] = shape.slice(-2);
  if (height === undefined || width === undefined) return refused('NO_IMAGE', `an image of ${shape.length} axes`);
  const scale = (await headerPixscale(file, hdu)) ?? pixscaleArcsec;
  if (scale === undefined) {
    return refused('NO_PIXSCALE', 'neither a WCS nor PIXSCALE in the header, and no input_pixscale_arcsec');
  }
  const start: number[] = [];
  let left = plane;
  for (const length of shape.slice(0, -2).toReversed()) {
    start.unshift(left % length);
    left = Math.floor(left / length);
  }
  const { data } = await readSection(hdu, [...start, 0, 0], [...start.map(() => 1), height, width]);
  const image = data instanceof BigInt64Array || data instanceof BigUint64Array ? Float64Array.from(data, Number) : new Float64Array(data); // biome-ignore format: one choice
  return { stamp: { image, width, height, pixscaleArcsec: scale } };
}

/** Side of the square of a pixel's area by the WCS, else PIXSCALE or PIXELSCL (HST, JWST), arcsec. */
async function headerPixscale(file: FitsFile, hdu: FitsHdu): Promise<number | undefined> {
  // A header that the WCS refuses may still say PIXSCALE.
  const wcs = await hduWcs(file, hdu).catch(() => undefined);
  const side = wcs?.celestial === undefined ? Number.NaN : Math.sqrt(pixelAreaArcsec2(wcs));
  const values = [side, hdu.header.number('PIXSCALE'), hdu.header.number('PIXELSCL')];
  return values.find((value) => value !== undefined && Number.isFinite(value) && value > 0);
}
