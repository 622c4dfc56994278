/** The world coordinate system of an HDU: its header, and the tables in other HDUs that it refers to. */
import { type FitsFile, type FitsHdu, readImage, readTable } from '../../io/fits/index.ts';
import {
  type CoordinateTable,
  type HeaderValue,
  type LookupTable,
  parseHeaderText,
  type TableAddress,
  type Wcs,
  wcsFromHeader,
} from '../../sky/wcs/index.ts';
import { hasImage } from './open.ts';

/** Distortion and coordinate tables are small; a larger one is a damaged header. */
const MOST_TABLE_BYTES = 64e6;

/** The header as the WCS reads it: of a compressed image, that of the image it holds. */
export function wcsHeader(hdu: FitsHdu): Map<string, HeaderValue> {
  // From the cards, because record-valued keywords (DP1 = 'EXTVER: 1') stand there many times over.
  const header = parseHeaderText(
    hdu.header
      .records()
      .join('')
      .replace(/[\r\n]/g, ' '),
  );
  if (hdu.type !== 'COMPRESSED_IMAGE') return header;
  for (const key of [...header.keys()]) if (/^NAXIS\d*$/.test(key)) header.delete(key);
  for (const [key, value] of [...header]) if (/^ZNAXIS\d*$/.test(key)) header.set(key.slice(1), value);
  return header;
}

/**
 * The WCS of an HDU with its lookup distortions and -TAB coordinates read from the file.
 *
 * @param key alternate description, A to Z
 * @throws INPUT_INVALID naming the keyword at fault
 */
export async function hduWcs(file: FitsFile, hdu: FitsHdu, key?: string): Promise<Wcs> {
  const header = wcsHeader(hdu);
  const lookups = new Map<string, LookupTable | undefined>();
  const tables = new Map<string, [TableAddress, CoordinateTable | undefined]>();
  const nameOf = (address: TableAddress) => JSON.stringify(address);
  const options = {
    key,
    distortionTables: (extname: string, extver: number) => {
      const name = `${extname},${extver}`;
      if (!lookups.has(name)) lookups.set(name, undefined);
      return lookups.get(name);
    },
    coordinateTables: (address: TableAddress) => {
      if (!tables.has(nameOf(address))) tables.set(nameOf(address), [address, undefined]);
      return tables.get(nameOf(address))?.[1];
    },
  };
  // The first pass finds out which tables it needs; they are read; the second one uses them.
  const wcs = wcsFromHeader(header, options);
  if (lookups.size === 0 && tables.size === 0) return wcs;
  for (const name of lookups.keys()) lookups.set(name, await lookupTable(file, name));
  for (const [name, [address]] of tables) tables.set(name, [address, await coordinateTable(file, address)]);
  return wcsFromHeader(header, options);
}

const named = (file: FitsFile, name: string, version: number): FitsHdu | undefined =>
  file.hdus.find((hdu) => hdu.name.toUpperCase() === name.toUpperCase() && hdu.version === version);

/** Undefined when the file has no such extension: the WCS then says so in its notes. */
async function lookupTable(file: FitsFile, address: string): Promise<LookupTable | undefined> {
  const [name, version] = address.split(',');
  const hdu = named(file, name, Number(version));
  if (hdu === undefined || !hasImage(hdu) || hdu.axes.length !== 2 || hdu.dataBytes > MOST_TABLE_BYTES) return undefined;
  const { data, shape } = await readImage(hdu);
  const pair = (keyword: string, fallback: number): [number, number] => [
    hdu.header.number(`${keyword}1`, fallback),
    hdu.header.number(`${keyword}2`, fallback),
  ];
  return {
    data: Float64Array.from(data as Float64Array),
    nx: shape[1],
    ny: shape[0],
    crpix: pair('CRPIX', 0),
    crval: pair('CRVAL', 0),
    cdelt: pair('CDELT', 1),
  };
}

/** One coordinate of the table, along its first row. Undefined when the table is not there or is not of one dimension. */
async function coordinateTable(file: FitsFile, address: TableAddress): Promise<CoordinateTable | undefined> {
  const hdu = named(file, address.extname, address.extver);
  if (hdu?.type !== 'BINTABLE' || hdu.dataBytes > MOST_TABLE_BYTES || hdu.axes[1] < 1) return undefined;
  const columns = [address.coordinateColumn, ...(address.indexColumn === undefined ? [] : [address.indexColumn])];
  const table = await readTable(hdu, { columns, start: 0, count: 1 });
  const { values, shape } = table.column(address.coordinateColumn);
  // [K, M]: K points of M coordinates, M fastest.
  const [points, coordinates] = shape.length === 1 ? [shape[0], 1] : shape;
  if (shape.length > 2 || address.coordinate > coordinates) return undefined;
  const all = values as Float64Array;
  const own = Float64Array.from({ length: points }, (_, at) => Number(all[at * coordinates + address.coordinate - 1]));
  if (address.indexColumn === undefined) return { coordinates: own };
  return { coordinates: own, index: Float64Array.from(table.column(address.indexColumn).values as Float64Array, Number) };
}

/** True when a header has an axis of right ascension, or of another celestial longitude, with a projection. */
export function hasCelestialAxes(hdu: FitsHdu): boolean {
  const axes = hdu.header.keys().filter((key) => /^CTYPE\d+$/.test(key));
  return axes.some((key) => /^(RA|[A-Z]LON|[A-Z]{2}LN)-*-[A-Z]{3}/.test(hdu.header.card(key)?.value?.toString() ?? ''));
}
