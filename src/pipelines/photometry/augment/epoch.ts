/** When images were taken, and where stars were then. */
import type { FitsHeader } from '../../../io/fits/index.ts';
import type { Profile } from '../config.ts';
import type { Frame } from '../field.ts';

const RAD = Math.PI / 180;
/** Days of a Julian year, and the MJD of J2000.0. */
const YEAR_DAYS = 365.25;
const J2000_MJD = 51544.5;
const MAS_DEG = 1 / 3.6e6;

/** MJD-OBS, else that of DATE-OBS in ISO 8601; undefined where a header has neither. */
export function mjdOf(header: FitsHeader): number | undefined {
  const given = header.card('MJD-OBS')?.value;
  const mjd = typeof given === 'number' || typeof given === 'bigint' ? Number(given) : dayOf(header.card('DATE-OBS')?.value);
  return mjd !== undefined && Number.isFinite(mjd) ? mjd : undefined;
}

/** Julian epoch (2016.0) of the same. */
export function epochYearOf(header: FitsHeader): number | undefined {
  const mjd = mjdOf(header);
  return mjd === undefined ? undefined : 2000 + (mjd - J2000_MJD) / YEAR_DAYS;
}

/** MJD of a date, with or without a time, in UTC. */
function dayOf(date: unknown): number | undefined {
  const parts = typeof date === 'string' ? /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d:\d\d(\.\d+)?)?Z?$/.exec(date.trim()) : null;
  return parts === null ? undefined : Date.parse(`${parts[1]}${parts[2] ?? 'T00:00:00'}Z`) / 86_400_000 + 40587;
}

/** The mean epoch of images, which Gaia sources are moved to. Undefined where no image has one, and in profile tract7dt, which moves nothing. */
export function meanEpoch(frames: readonly Pick<Frame, 'epochYear'>[], profile: Profile): number | undefined {
  const epochs = frames.flatMap(({ epochYear }) => epochYear ?? []);
  return profile === 'tract7dt' || epochs.length === 0 ? undefined : epochs.reduce((sum, year) => sum + year, 0) / epochs.length;
}

/**
 * A place after proper motion: along the great circle that it sets out on, so that it holds at the poles as well. Parallax and radial velocity are
 * left out (below 0.1 arcsec for all but a few hundred stars).
 *
 * @param pmraMas pmra of Gaia, mas/yr, times cos(dec) already
 * @param pmdecMas mas/yr
 * @returns ra in [0, 360) and dec, degrees
 */
export function movedPlace(
  raDeg: number,
  decDeg: number,
  pmraMas: number,
  pmdecMas: number,
  years: number,
): [raDeg: number, decDeg: number] {
  const angle = Math.hypot(pmraMas, pmdecMas) * Math.abs(years) * MAS_DEG * RAD;
  if (angle === 0) return [raDeg, decDeg];
  const towards = Math.atan2(pmraMas * years, pmdecMas * years);
  const dec = decDeg * RAD;
  const east = Math.sin(towards) * Math.sin(angle);
  const north = Math.cos(towards) * Math.sin(angle);
  const level = Math.cos(dec) * Math.cos(angle) - Math.sin(dec) * north;
  const up = Math.sin(dec) * Math.cos(angle) + Math.cos(dec) * north;
  const ra = raDeg + Math.atan2(east, level) / RAD;
  return [((ra % 360) + 360) % 360, Math.atan2(up, Math.hypot(level, east)) / RAD];
}
