/** `arclet wcs`: pixels to sky and back for the points of a CSV file. */
import { ArcletError } from '../../core/errors.ts';
import { readCatalogue, readCsv } from '../../io/csv.ts';
import type { ByteSource } from '../../io/store/source.ts';
import { openSource } from '../../io/store/store.ts';
import { parseHeaderText, type Wcs, wcsFromHeader } from '../../sky/wcs/index.ts';
import { hasCelestialAxes, hduWcs } from './hdu-wcs.ts';
import { chooseHdu, endingOf, hasImage, withFits } from './open.ts';

/** No more of a bare header is read. */
const MOST_HEADER_BYTES = 16e6;

export interface PointsRequest {
  /** FITS file, or a bare header as text; path or `s3://`. */
  readonly location: string;
  /** Number or name; default the first image with celestial axes, else the first HDU that has them. */
  readonly hdu?: string;
  /** Alternate description, A to Z. */
  readonly key?: string;
  /** CSV with the columns x, y (pixels, from 0) for `pix2sky`, ra, dec (degrees) for `sky2pix`, in any case; path or `s3://`. */
  readonly points: string;
  readonly direction: 'pix2sky' | 'sky2pix';
}

export interface PointsAnswer {
  /** [ra, dec] in degrees or [x, y] from 0; null where a point has no image. */
  readonly points: readonly (readonly [number, number] | null)[];
  /** What the WCS assumed or left out. */
  readonly notes: readonly string[];
}

/**
 * Transforms points. Longitude and latitude are those of the header's own frame (galactic for GLON/GLAT), longitude first.
 *
 * @throws INPUT_UNREADABLE, INPUT_INVALID (no celestial axes, a keyword at fault, no such columns)
 */
export async function transformPoints(request: PointsRequest): Promise<PointsAnswer> {
  const wcs = await readWcs(request);
  const source = await openSource(request.points);
  try {
    const forward = request.direction === 'pix2sky';
    const [a, b] = forward ? await pixelColumns(source) : await skyColumns(source);
    const { first, second, status } = forward ? toSky(wcs, a, b) : toPixels(wcs, a, b);
    return {
      points: Array.from(status, (code, at) => (code === 0 ? ([first[at], second[at]] as const) : null)),
      notes: wcs.notes,
    };
  } finally {
    await source.close();
  }
}

function toSky(wcs: Wcs, x: Float64Array, y: Float64Array) {
  const { lonDeg, latDeg, status } = wcs.pixelsToWorld(x, y);
  return { first: lonDeg, second: latDeg, status: withMissing(status, lonDeg, latDeg) };
}

function toPixels(wcs: Wcs, lonDeg: Float64Array, latDeg: Float64Array) {
  const { x, y, status } = wcs.worldToPixels(lonDeg, latDeg);
  return { first: x, second: y, status: withMissing(status, x, y) };
}

/** A row without a position (NaN in) has none. */
function withMissing(status: Uint8Array, first: Float64Array, second: Float64Array): Uint8Array {
  return status.map((code, at) => (Number.isFinite(first[at]) && Number.isFinite(second[at]) ? code : Math.max(1, code)));
}

async function skyColumns(source: ByteSource): Promise<[Float64Array, Float64Array]> {
  const { ra, dec } = await readCatalogue(source);
  return [ra, dec];
}

async function pixelColumns(source: ByteSource): Promise<[Float64Array, Float64Array]> {
  const { schema, batch } = await readCsv(source, { types: { x: 'float64', y: 'float64' } });
  const column = (wanted: string): Float64Array => {
    const found = schema.columns.filter(({ name }) => name.toLowerCase() === wanted);
    if (found.length === 1)
      return Float64Array.from(batch.columns[found[0].name] as (number | null)[], (value: number | null) => value ?? Number.NaN);
    throw new ArcletError('INPUT_INVALID', `${source.name} has ${found.length} columns '${wanted}'.`, {
      subject: source.name,
      remedy: `Name one column x and one y; it has ${schema.columns.map(({ name }) => name).join(', ')}.`,
    });
  };
  return [column('x'), column('y')];
}

/**
 * The WCS of a FITS file's HDU or of a bare header.
 *
 * @throws INPUT_UNREADABLE, INPUT_INVALID
 */
export async function readWcs({ location, hdu, key }: Pick<PointsRequest, 'location' | 'hdu' | 'key'>): Promise<Wcs> {
  const bare = await bareHeader(location);
  if (bare !== undefined) return wcsFromHeader(parseHeaderText(bare), { key });
  return withFits(location, (file) => {
    const sky = file.hdus.find((one) => hasImage(one) && hasCelestialAxes(one)) ?? file.hdus.find(hasCelestialAxes);
    return hduWcs(file, hdu === undefined && sky !== undefined ? sky : chooseHdu(file, hdu, hasImage, 'image'), key);
  });
}

/** The text of a bare header; undefined for what is to be opened as a FITS file. Data behind END do not matter. */
async function bareHeader(location: string): Promise<string | undefined> {
  const source = await openSource(location);
  try {
    const start = await source.read(0, Math.min(source.size, 80));
    const text = start.every((byte) => (byte >= 0x20 && byte < 0x7f) || byte === 0x09 || byte === 0x0a || byte === 0x0d);
    const isFits = /^SIMPLE {2}=[^\r\n]{71}$/.test(String.fromCharCode(...start));
    const isNamed = ['.hdr', '.head', '.ahead', '.txt'].includes(endingOf(location));
    if (!text || (isFits && !isNamed)) return undefined;
    return new TextDecoder('latin1').decode(await source.read(0, Math.min(source.size, MOST_HEADER_BYTES)));
  } finally {
    await source.close();
  }
}
