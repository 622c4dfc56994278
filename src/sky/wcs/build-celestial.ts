/** The celestial part of a header: projection, sphere, distortions. */
import { DEG } from './angles.ts';
import { type CelestialPair, readFrame } from './axes.ts';
import { CelestialTransform } from './celestial.ts';
import type { Distortion } from './distortion/distortion.ts';
import { readPlateSolution } from './distortion/dss.ts';
import { type LookupSource, PixelDistortion, readLookups } from './distortion/lookup.ts';
import { readSip } from './distortion/sip.ts';
import { readTpv } from './distortion/tpv.ts';
import { type HeaderReader, keywordError } from './header.ts';
import type { Linear } from './linear.ts';
import { PROJECTIONS } from './projections/index.ts';
import type { Projection } from './projections/projection.ts';
import { centredOn, cylindricalScale } from './projections/window.ts';
import { sphereRotation } from './sphere.ts';
import { type CelestialPart, Wcs, type WorldAxis } from './wcs.ts';

/** A DSS image by its plate solution, as wcslib reads it. */
export function plateWcs(reader: HeaderReader, pair: CelestialPair, axes: readonly WorldAxis[], shape: readonly number[]): Wcs {
  const plate = readPlateSolution(reader);
  const [mmX, mmY] = plate.mmPerPixel;
  const centre = {
    lonDeg: plate.lonDeg,
    latDeg: plate.latDeg,
    phi0Deg: 0,
    theta0Deg: 90,
    latKeyword: 'PLTDECD',
    lonPoleKeyword: 'LONPOLE',
  };
  const none = { get: (_: number, fallback: number): number => fallback, keyword: (m: number): string => `PV2_${m}` };
  const transform = new CelestialTransform(PROJECTIONS.get('TAN')!(none), sphereRotation(centre), [0, 0]);
  return new Wcs({
    alternate: '',
    axes: axes.map((axis, i) => ({ ...axis, crpix: plate.crpix[i], crval: i === pair.lon ? plate.lonDeg : plate.latDeg })),
    linear: { naxis: 2, matrix: Float64Array.of(mmX, 0, 0, mmY), inverse: Float64Array.of(1 / mmX, 0, 0, 1 / mmY) },
    celestial: { lonAxis: pair.lon, latAxis: pair.lat, pixelAxes: [0, 1], frame: readFrame(reader, pair.system), transform },
    planeDistortion: plate.distortion,
    transforms: [undefined, undefined],
    shape,
    notes: ['The DSS plate solution AMDXn, AMDYn is used, not the TAN keywords that approximate it.'],
  });
}

export interface CelestialResult {
  celestial: CelestialPart;
  pixelDistortion?: Distortion;
  planeDistortion?: Distortion;
}

export function celestialParts(
  reader: HeaderReader,
  pair: CelestialPair,
  axes: readonly WorldAxis[],
  linear: Linear,
  shape: readonly number[],
  distortionTables: LookupSource | undefined,
  notes: string[],
): CelestialResult {
  const pixelAxes = findPixelAxes(linear, pair);
  const isScamp = pair.code === 'TAN' && axes[pair.lon].suffix !== 'SIP' && hasScampTerms(reader, pair);
  if (isScamp) notes.push(`PVi_j on TAN axes are read as TPV, as SCAMP means them.`);
  const code = isScamp ? 'TPV' : pair.code;
  const transform = celestialTransform(reader, pair, code, axes, linear, shape, pixelAxes, notes);
  const celestial: CelestialPart = {
    lonAxis: pair.lon,
    latAxis: pair.lat,
    pixelAxes,
    frame: readFrame(reader, pair.system),
    transform,
  };
  if (code === 'TPV') {
    if (reader.has('A_ORDER')) notes.push('A_ORDER and the other SIP keywords are not applied: the axes say TPV.');
    const at = (i: number, j: number): number => linear.matrix[i * linear.naxis + j];
    const [p, q] = pixelAxes;
    const pixelDeg = Math.sqrt(Math.abs(at(pair.lon, p) * at(pair.lat, q) - at(pair.lon, q) * at(pair.lat, p)));
    return { celestial, planeDistortion: readTpv(reader, pair.lon, pair.lat, pixelDeg) };
  }
  return { celestial, pixelDistortion: pixelDistortion(reader, axes, celestial, distortionTables, notes) };
}

/** The two pixel axes that the sky depends on: those with elements in its rows of the matrix if they are two, else its own numbers. */
function findPixelAxes(linear: Linear, { lon, lat }: CelestialPair): [number, number] {
  const own: [number, number] = lon < lat ? [lon, lat] : [lat, lon];
  const used = Array.from({ length: linear.naxis }, (_, j) => j).filter(
    (j) => linear.matrix[lon * linear.naxis + j] !== 0 || linear.matrix[lat * linear.naxis + j] !== 0,
  );
  return used.length === 2 ? [used[0], used[1]] : own;
}

/** SCAMP before 2012 wrote TPV terms on TAN axes; parameters from 5 on have no other meaning there (Shupe et al. 2012, SPIE 8451, section 7). */
function hasScampTerms(reader: HeaderReader, { lon, lat }: CelestialPair): boolean {
  const highest = (axis: number): number => {
    let last = -1;
    for (let m = 0; m <= 39; m++) if (reader.has(`PV${axis + 1}_${m}${reader.alternate}`)) last = m;
    return last;
  };
  const linearTerm = (axis: number): number => reader.number(`PV${axis + 1}_1${reader.alternate}`) ?? Number.NaN;
  // A fit of degree 1 has fewer terms, but both of its linear ones are close to 1.
  return (
    Math.max(highest(lon), highest(lat)) >= 5 || (Math.abs(linearTerm(lon) - 1) < 0.5 && Math.abs(linearTerm(lat) - 1) < 0.5)
  );
}

function celestialTransform(
  reader: HeaderReader,
  pair: CelestialPair,
  code: string,
  axes: readonly WorldAxis[],
  linear: Linear,
  shape: readonly number[],
  pixelAxes: readonly [number, number],
  notes: string[],
): CelestialTransform {
  const a = reader.alternate;
  // SCAMP's terms beside SIP are the same distortion twice; SIP is the one that CTYPE names.
  const isPvDistortion = code === 'TPV' || (axes[pair.lon].suffix === 'SIP' && hasScampTerms(reader, pair));
  const lonPv = (m: number): number | undefined => (isPvDistortion ? undefined : reader.number(`PV${pair.lon + 1}_${m}${a}`));
  const latValue = axes[pair.lat].crval;
  const { projection, fiducial } = makeProjection(reader, pair, code, latValue);
  const pole = (keyword: string, m: number): number | undefined => {
    const value = lonPv(m) ?? reader.number(`${keyword}${a}`);
    // 999 is how old headers say that there is none.
    return value === 999 ? undefined : value;
  };
  const phi0Deg = fiducial?.[0] ?? lonPv(1) ?? 0;
  const theta0Deg = fiducial?.[1] ?? lonPv(2) ?? projection.theta0Deg;
  const sphere = sphereRotation({
    lonDeg: axes[pair.lon].crval,
    latDeg: latValue,
    phi0Deg,
    theta0Deg,
    lonPoleDeg: pole('LONPOLE', 3),
    latPoleDeg: pole('LATPOLE', 4),
    latKeyword: `CRVAL${pair.lat + 1}${a}`,
    lonPoleKeyword: `LONPOLE${a}`,
  });
  const offset: [number, number] = [0, 0];
  if (fiducial || (lonPv(0) ?? 0) !== 0) {
    const plane = new Float64Array(2);
    const cosTheta = Math.cos(theta0Deg * DEG);
    const isOnMap = projection.project(
      cosTheta * Math.cos(phi0Deg * DEG),
      cosTheta * Math.sin(phi0Deg * DEG),
      Math.sin(theta0Deg * DEG),
      plane,
    );
    if (!isOnMap) {
      throw keywordError(
        `PV${pair.lon + 1}_1${a}`,
        `The fiducial point (${phi0Deg}, ${theta0Deg}) is outside ${code}.`,
        'Correct PVi_1 and PVi_2 of the longitude axis.',
      );
    }
    offset[0] = plane[0];
    offset[1] = plane[1];
  }
  const window = cylindricalWindow(reader, pair, projection, linear, axes, shape, pixelAxes, offset[0]);
  if (window.phiDeg !== 0)
    notes.push(`The image reaches beyond native longitude 180: the map is centred on ${window.phiDeg} degrees.`);
  return new CelestialTransform(window.projection, sphere, offset);
}

function makeProjection(
  reader: HeaderReader,
  pair: CelestialPair,
  code: string,
  latDeg: number,
): { projection: Projection; fiducial?: readonly [number, number] } {
  const a = reader.alternate;
  const ctype = `CTYPE${pair.lat + 1}${a}`;
  const pv = (m: number): string => `PV${pair.lat + 1}_${m}${a}`;
  const parameters = { get: (m: number, fallback: number): number => reader.number(pv(m)) ?? fallback, keyword: pv };
  if (code === 'NCP') {
    // The old north-celestial-pole projection is the slant SIN seen from the pole (C&G 2002 section 6.1.1).
    if (Math.sin(latDeg * DEG) === 0)
      throw keywordError(`CRVAL${pair.lat + 1}${a}`, 'NCP has no image of the equator as its reference.', 'Use SIN.');
    const cot = 1 / Math.tan(latDeg * DEG);
    return { projection: PROJECTIONS.get('SIN')!({ ...parameters, get: (m, fallback) => (m === 2 ? cot : fallback) }) };
  }
  if (code === 'GLS') return { projection: PROJECTIONS.get('SFL')!(parameters), fiducial: [0, latDeg] };
  const factory = PROJECTIONS.get(code === 'TPV' ? 'TAN' : code);
  if (!factory) {
    throw keywordError(
      ctype,
      `${ctype} has the projection ${code}, which is not computed.`,
      `Reproject the image to one of ${[...PROJECTIONS.keys()].join(', ')}.`,
    );
  }
  return { projection: factory(parameters) };
}

function cylindricalWindow(
  reader: HeaderReader,
  pair: CelestialPair,
  projection: Projection,
  linear: Linear,
  axes: readonly WorldAxis[],
  shape: readonly number[],
  [p, q]: readonly [number, number],
  x0: number,
): { projection: Projection; phiDeg: number } {
  const scale = cylindricalScale(projection.code, reader.number(`PV${pair.lat + 1}_2${reader.alternate}`) ?? 1);
  if (scale === undefined || !(shape[p] > 0 && shape[q] > 0)) return { projection, phiDeg: 0 };
  const row = (j: number): number => linear.matrix[pair.lon * linear.naxis + j];
  const ends = (j: number): number[] => [0.5, shape[j] + 0.5].map((pixel) => row(j) * (pixel - axes[j].crpix));
  const corners = ends(p).flatMap((x) => ends(q).map((y) => (x + y + x0) / scale));
  const low = Math.min(...corners);
  const high = Math.max(...corners);
  if (low >= -180 && high <= 180) return { projection, phiDeg: 0 };
  const phiDeg = (low + high) / 2;
  return { projection: centredOn(projection, phiDeg, scale), phiDeg };
}

function pixelDistortion(
  reader: HeaderReader,
  axes: readonly WorldAxis[],
  celestial: CelestialPart,
  distortionTables: LookupSource | undefined,
  notes: string[],
): Distortion | undefined {
  const isSip = axes[celestial.lonAxis].suffix === 'SIP' || axes[celestial.latAxis].suffix === 'SIP';
  let sip = isSip || reader.alternate === '' ? readSip(reader) : undefined;
  if (sip && sip.a.degree < 2 && sip.b.degree < 2) {
    notes.push('A_ORDER and B_ORDER below 2 are not SIP: not applied.');
    sip = undefined;
  }
  if (sip && !isSip) notes.push(`SIP coefficients are applied although CTYPE does not end in -SIP.`);
  if (!sip && isSip) notes.push('CTYPE ends in -SIP but there are no coefficients.');
  const d2im = readLookups(reader, 'D2IM', distortionTables, notes);
  const cpdis = readLookups(reader, 'CPDIS', distortionTables, notes);
  if (!d2im && !cpdis) return sip;
  const [p, q] = celestial.pixelAxes;
  return new PixelDistortion(d2im, sip, cpdis, [axes[p].crpix, axes[q].crpix]);
}
