/** Header -> {@link Wcs}. */
import { type AxisType, type CelestialPair, findCelestialPair, parseCtype } from './axes.ts';
import { celestialParts, plateWcs } from './build-celestial.ts';
import { hasPlateSolution } from './distortion/dss.ts';
import type { LookupSource } from './distortion/lookup.ts';
import { type HeaderLike, HeaderReader, keywordError } from './header.ts';
import { readLinear } from './linear.ts';
import { type AxisTransform, linearAxis, logAxis, nonlinearAxis, SPECTRAL_TYPES } from './spectral.ts';
import { type TableSource, tableAddress, tabularAxis } from './tabular.ts';
import { angleToDegrees, toSi } from './units.ts';
import { Wcs, type WorldAxis } from './wcs.ts';

export interface WcsOptions {
  /** Number of axes; default the largest of WCSAXES, NAXIS and the axes that keywords mention. */
  naxis?: number;
  /** Alternate description 'A' ... 'Z'; default the primary one. */
  key?: string;
  /** Gives the lookup tables of -TAB axes; without it such an axis is NaN and a note says so. */
  coordinateTables?: TableSource;
  /** Gives the D2IMARR and WCSDVARR distortion tables; without it they are not applied and a note says so. */
  distortionTables?: LookupSource;
}

/** More axes than any file has; a bound on what a hostile NAXIS can make us allocate. */
const MAX_AXES = 32;

/**
 * The world coordinate system of a header (FITS 4.0 section 8; Greisen & Calabretta 2002; Calabretta & Greisen 2002; Greisen et al. 2006).
 * Celestial axes come out in degrees, spectral axes in SI units. Throws INPUT_INVALID naming the keyword at fault.
 */
export function wcsFromHeader(header: HeaderLike, options: WcsOptions = {}): Wcs {
  const alternate = (options.key ?? '').trim();
  if (!/^[A-Z]?$/.test(alternate)) {
    throw keywordError(
      'key',
      `The alternate description '${alternate}' is not a letter.`,
      'Give A to Z, or nothing for the primary description.',
    );
  }
  const reader = new HeaderReader(header, alternate);
  const naxis = countAxes(reader, options.naxis);
  const notes: string[] = [];
  const types = Array.from({ length: naxis }, (_, i) => parseCtype(reader.text(`CTYPE${i + 1}${alternate}`) ?? ''));
  const pair = findCelestialPair(reader, types);
  const { axes, unitScale } = readAxes(reader, types, pair);
  const shape = readShape(reader, naxis);
  if (pair?.code === 'TAN' && naxis === 2 && hasPlateSolution(reader)) return plateWcs(reader, pair, axes, shape);
  const linear = readLinear(reader, { naxis, lon: pair?.lon ?? -1, lat: pair?.lat ?? -1, unitScale, notes });
  const transforms = axes.map((axis, i) =>
    i === pair?.lon || i === pair?.lat ? undefined : axisTransform(reader, axis, i, options, notes),
  );
  const base = { alternate, axes, linear, shape, transforms, notes };
  return new Wcs(
    pair ? { ...base, ...celestialParts(reader, pair, axes, linear, shape, options.distortionTables, notes) } : base,
  );
}

const AXIS_KEYWORD = /^(?:CTYPE|CRVAL|CRPIX|CDELT|CUNIT|CROTA)(\d+)([A-Z]?)$/;
const MATRIX_KEYWORD = /^(?:CD|PC)(\d+)_(\d+)([A-Z]?)$/;

function countAxes(reader: HeaderReader, asked: number | undefined): number {
  const { alternate } = reader;
  let mentioned = 0;
  for (const name of reader.names) {
    const match = AXIS_KEYWORD.exec(name) ?? MATRIX_KEYWORD.exec(name);
    if (!match || match[match.length - 1] !== alternate) continue;
    for (const axis of match.slice(1, -1).map(Number)) {
      if (axis < 1 || axis > MAX_AXES)
        throw keywordError(name, `${name} is of axis ${axis}, outside 1 to ${MAX_AXES}.`, `Remove ${name}.`);
      mentioned = Math.max(mentioned, axis);
    }
  }
  if (alternate !== '' && mentioned === 0) {
    throw keywordError(
      `CTYPE1${alternate}`,
      `The header has no alternate description '${alternate}'.`,
      'Leave the key out, or take one that the header has.',
    );
  }
  const naxis = asked ?? Math.max(mentioned, reader.integer(`WCSAXES${alternate}`, 0, MAX_AXES) ?? 0, imageAxes(reader));
  if (!(Number.isInteger(naxis) && naxis >= 1 && naxis <= MAX_AXES)) {
    throw keywordError('NAXIS', `The header describes ${naxis} axes.`, 'Take the header of an image, or give naxis.', { naxis });
  }
  return naxis;
}

/** Z for the keywords of a tile-compressed image that is seen as the table that holds it. */
const imagePrefix = (reader: HeaderReader): string => (reader.view.get('ZIMAGE') === true ? 'Z' : '');

function imageAxes(reader: HeaderReader): number {
  return reader.integer(`${imagePrefix(reader)}NAXIS`, 0, 999) ?? 0;
}

function readShape(reader: HeaderReader, naxis: number): number[] {
  return Array.from(
    { length: naxis },
    (_, i) => reader.integer(`${imagePrefix(reader)}NAXIS${i + 1}`, 0, Number.MAX_SAFE_INTEGER) ?? 0,
  );
}

function readAxes(
  reader: HeaderReader,
  types: readonly AxisType[],
  pair: CelestialPair | undefined,
): { axes: WorldAxis[]; unitScale: number[] } {
  const a = reader.alternate;
  const unitScale: number[] = [];
  const axes = types.map((axis, i): WorldAxis => {
    const cunit = reader.text(`CUNIT${i + 1}${a}`) ?? '';
    const isLon = i === pair?.lon;
    const isSky = isLon || i === pair?.lat;
    const spectral = axis.code === 'TAB' ? undefined : SPECTRAL_TYPES.get(axis.name === 'FELO' ? 'VOPT' : axis.name);
    const scale = isSky ? angleToDegrees(cunit) : spectral ? toSi(cunit, spectral.unit) : 1;
    if (scale === undefined) {
      const wanted = isSky ? 'an angle' : `a unit of ${axis.name}`;
      throw keywordError(`CUNIT${i + 1}${a}`, `CUNIT${i + 1}${a} = '${cunit}' is not ${wanted}.`, `Correct CUNIT${i + 1}${a}.`);
    }
    unitScale.push(scale);
    return {
      ...axis,
      kind: isSky
        ? isLon
          ? 'longitude'
          : 'latitude'
        : SPECTRAL_TYPES.has(axis.name) || axis.name === 'FELO'
          ? 'spectral'
          : 'linear',
      unit: isSky ? 'deg' : (spectral?.unit ?? cunit),
      crval: (reader.number(`CRVAL${i + 1}${a}`) ?? 0) * scale,
      crpix: reader.number(`CRPIX${i + 1}${a}`) ?? 0,
    };
  });
  return { axes, unitScale };
}

/** Rest frames that AIPS appended to spectral types; they do not change the numbers. */
const AIPS_FRAMES = new Set(['LSR', 'LSD', 'HEL', 'OBS', 'GEO', 'BAR', 'GAL']);
const NO_VALUE: AxisTransform = { toWorld: () => Number.NaN, toIntermediate: () => Number.NaN };

function axisTransform(reader: HeaderReader, axis: WorldAxis, i: number, options: WcsOptions, notes: string[]): AxisTransform {
  const ctype = `CTYPE${i + 1}${reader.alternate}`;
  if (axis.name === 'FELO') return nonlinearAxis(reader, i, 'VOPT', 'F2W', axis.crval);
  if (axis.code === '' || AIPS_FRAMES.has(axis.code)) return linearAxis(axis.crval);
  if (axis.code === 'LOG') return logAxis(axis.crval, `CRVAL${i + 1}${reader.alternate}`);
  if (axis.code === 'TAB') {
    const address = tableAddress(reader, i);
    const table = options.coordinateTables?.(address);
    if (table) return tabularAxis(table, axis.crval, ctype);
    notes.push(`${ctype} = '${axis.ctype}' has no values: its table ${address.extname} was not given.`);
    return NO_VALUE;
  }
  if (axis.kind !== 'spectral') return linearAxis(axis.crval);
  if (axis.code === 'GRI' || axis.code === 'GRA') {
    notes.push(`${ctype} = '${axis.ctype}' has no values: grism axes are not computed.`);
    return NO_VALUE;
  }
  return nonlinearAxis(reader, i, axis.name, axis.code, axis.crval);
}
