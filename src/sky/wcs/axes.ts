/** What the axes of a header are: CTYPE taken apart, the celestial pair found, the frame named. */
import { type HeaderReader, keywordError } from './header.ts';

/** One world axis as CTYPE tells it. */
export interface AxisType {
  /** CTYPE as written, trimmed. */
  ctype: string;
  /** The coordinate: 'RA', 'GLAT', 'WAVE', 'STOKES' ... */
  name: string;
  /** Algorithm code: a projection ('TAN'), 'LOG', 'TAB', 'F2W', or '' for a linear axis. */
  code: string;
  /** 'SIP' where CTYPE ends in -SIP. */
  suffix: string;
}

/** The longitude and latitude axes (0-based) and what they measure. */
export interface CelestialPair {
  lon: number;
  lat: number;
  code: string;
  /** 'equatorial' (RA/DEC), 'galactic', 'ecliptic', 'supergalactic', 'helioecliptic', or the prefix of a planetary or solar system. */
  system: string;
}

export interface CelestialFrame {
  system: string;
  /** RADESYS, by the standard's defaults where it is absent; undefined outside equatorial and ecliptic systems. */
  radesys: string | undefined;
  equinox: number | undefined;
}

/** 4-3 form: name padded with '-', a dash, a code of three letters, then perhaps '-SIP'. */
export function parseCtype(text: string): AxisType {
  const ctype = text.trim();
  const match = /^([A-Za-z0-9 _]{1,4})-+([A-Za-z0-9]{3})(?:-(SIP))?$/.exec(ctype);
  if (!match || match[1].length + (ctype.length - match[1].length - match[2].length - (match[3] ? 4 : 0)) !== 5) {
    return { ctype, name: ctype, code: '', suffix: '' };
  }
  return { ctype, name: match[1].trim().toUpperCase(), code: match[2].toUpperCase(), suffix: match[3] ?? '' };
}

const SYSTEMS: Readonly<Record<string, string>> = { G: 'galactic', E: 'ecliptic', S: 'supergalactic', H: 'helioecliptic' };

/** What a coordinate name is of a celestial pair, or undefined. */
function celestialRole(name: string): { role: 'lon' | 'lat'; system: string } | undefined {
  if (name === 'RA' || name === 'DEC') return { role: name === 'RA' ? 'lon' : 'lat', system: 'equatorial' };
  const long = /^([A-Z])(LON|LAT)$/.exec(name);
  if (long) return { role: long[2] === 'LON' ? 'lon' : 'lat', system: SYSTEMS[long[1]] ?? long[1] };
  const short = /^([A-Z]{2})(LN|LT)$/.exec(name);
  return short ? { role: short[2] === 'LN' ? 'lon' : 'lat', system: short[1] } : undefined;
}

/** The celestial pair, undefined where there is none. Throws INPUT_INVALID naming CTYPEi for a single or mismatched half. */
export function findCelestialPair(header: HeaderReader, axes: readonly AxisType[]): CelestialPair | undefined {
  const keyword = (axis: number): string => `CTYPE${axis + 1}${header.alternate}`;
  const found: Partial<Record<'lon' | 'lat', { axis: number; system: string }>> = {};
  axes.forEach((axis, i) => {
    const role = axis.code === '' || axis.code === 'TAB' || axis.code === 'LOG' ? undefined : celestialRole(axis.name);
    if (!role) return;
    if (found[role.role]) {
      throw keywordError(
        keyword(i),
        `${keyword(i)} = '${axis.ctype}' is a second ${role.role === 'lon' ? 'longitude' : 'latitude'} axis.`,
        'Leave one pair of celestial axes.',
      );
    }
    found[role.role] = { axis: i, system: role.system };
  });
  const { lon, lat } = found;
  if (!lon && !lat) return undefined;
  if (!lon || !lat) {
    const i = (lon ?? lat)!.axis;
    throw keywordError(
      keyword(i),
      `${keyword(i)} = '${axes[i].ctype}' has no partner.`,
      'Give the other axis of the celestial pair.',
    );
  }
  const [a, b] = [axes[lon.axis], axes[lat.axis]];
  if (lon.system !== lat.system || a.code !== b.code) {
    throw keywordError(
      keyword(lat.axis),
      `CTYPEs '${a.ctype}' and '${b.ctype}' do not make a pair.`,
      'Give both axes the same system and projection.',
    );
  }
  return { lon: lon.axis, lat: lat.axis, code: a.code, system: lon.system };
}

/** RADESYS and EQUINOX with the standard's defaults: FK5 from 1984 on, FK4 before, ICRS without an equinox. */
export function readFrame(header: HeaderReader, system: string): CelestialFrame {
  const a = header.alternate;
  const stated = header.text(`RADESYS${a}`) || (a === '' ? header.text('RADECSYS') : undefined) || undefined;
  const equinox = looseNumber(header, `EQUINOX${a}`) ?? (a === '' ? looseNumber(header, 'EPOCH') : undefined);
  if (system !== 'equatorial' && system !== 'ecliptic') return { system, radesys: stated?.toUpperCase(), equinox };
  const radesys = stated?.toUpperCase() ?? (equinox === undefined ? 'ICRS' : equinox < 1984 ? 'FK4' : 'FK5');
  const usual = radesys === 'FK5' ? 2000 : radesys.startsWith('FK4') ? 1950 : undefined;
  return { system, radesys, equinox: equinox ?? usual };
}

/** EQUINOX = 'J2000' is common; the frame is only named here, so it must not cost the whole header. */
function looseNumber(header: HeaderReader, key: string): number | undefined {
  const value = header.view.get(key);
  const text = typeof value === 'string' ? value.trim().replace(/^[JB]/i, '') : value;
  const number = text === '' || text === undefined || typeof text === 'boolean' ? Number.NaN : Number(text);
  return Number.isFinite(number) ? number : undefined;
}
