/**
 * Spectral axes (Greisen et al. 2006, A&A 446, 747): linear in their own variable, in another one (X2P codes), in the logarithm (-LOG)
 * or by a lookup table (-TAB). SI units throughout.
 */
import { type HeaderReader, keywordError } from './header.ts';

/** One non-celestial axis: intermediate world coordinate <-> world coordinate, NaN where there is none. */
export interface AxisTransform {
  toWorld(w: number): number;
  toIntermediate(world: number): number;
}

/** Speed of light (m/s) and Planck's constant (J s). */
const C = 299792458;
const H = 6.62607015e-34;

/** Basic variables: frequency (Hz), wavelength (m), wavelength in air (m), relativistic velocity (m/s). */
type Basic = 'F' | 'W' | 'A' | 'V';

interface SpectralType {
  /** Unit of the coordinate in SI. */
  unit: string;
  basic: Basic;
  /** basic = offset(f0) + slope(f0) * coordinate, f0 the rest frequency. */
  offset: (f0: number) => number;
  slope: (f0: number) => number;
  needsRest: boolean;
}

function type(unit: string, basic: Basic, slope: number): SpectralType {
  return { unit, basic, offset: () => 0, slope: () => slope, needsRest: false };
}

/** Table 1 of the paper: every coordinate is a linear function of its basic variable. */
export const SPECTRAL_TYPES: ReadonlyMap<string, SpectralType> = new Map([
  ['FREQ', type('Hz', 'F', 1)],
  ['AFRQ', type('rad/s', 'F', 1 / (2 * Math.PI))],
  ['ENER', type('J', 'F', 1 / H)],
  ['WAVN', type('/m', 'F', C)],
  ['VRAD', { unit: 'm/s', basic: 'F', offset: (f0) => f0, slope: (f0) => -f0 / C, needsRest: true }],
  ['WAVE', type('m', 'W', 1)],
  ['VOPT', { unit: 'm/s', basic: 'W', offset: (f0) => C / f0, slope: (f0) => 1 / f0, needsRest: true }],
  ['ZOPT', { unit: '', basic: 'W', offset: (f0) => C / f0, slope: (f0) => C / f0, needsRest: true }],
  ['AWAV', type('m', 'A', 1)],
  ['VELO', type('m/s', 'V', 1)],
  ['BETA', type('', 'V', C)],
]);

/** Refractive index of dry air at a wavelength in air (m): Edlen 1966 as in eq 65 of the paper and wcslib. */
function airIndex(airWave: number): number {
  const s = 1 / (airWave * airWave);
  return 1.000064328 + 2.554e8 / (0.41e14 - s) + 294.981e8 / (1.46e14 - s);
}

/** d(refractive index)/d(wavelength in air), per metre. */
function airIndexSlope(airWave: number): number {
  const s = 1 / (airWave * airWave);
  return (-2 * s * (2.554e8 / (0.41e14 - s) ** 2 + 294.981e8 / (1.46e14 - s) ** 2)) / airWave;
}

interface BasicVariable {
  toFrequency(x: number, f0: number): number;
  fromFrequency(f: number, f0: number): number;
  /** d frequency / dx. */
  slope(x: number, f0: number): number;
}

const BASIC: Readonly<Record<Basic, BasicVariable>> = {
  F: { toFrequency: (f) => f, fromFrequency: (f) => f, slope: () => 1 },
  W: { toFrequency: (w) => C / w, fromFrequency: (f) => C / f, slope: (w) => -C / (w * w) },
  A: {
    toFrequency: (a) => C / (a * airIndex(a)),
    fromFrequency: (f) => {
      const wave = C / f;
      let air = wave;
      for (let step = 0; step < 6; step++) air = wave / airIndex(air);
      return air;
    },
    slope: (a) => (-C * (airIndex(a) + a * airIndexSlope(a))) / (a * airIndex(a)) ** 2,
  },
  V: {
    toFrequency: (v, f0) => f0 * Math.sqrt((C - v) / (C + v)),
    fromFrequency: (f, f0) => (C * (f0 * f0 - f * f)) / (f0 * f0 + f * f),
    slope: (v, f0) => (-f0 * C) / ((C + v) * Math.sqrt((C - v) * (C + v))),
  },
};

/** Linear in its own coordinate. */
export function linearAxis(crval: number): AxisTransform {
  return { toWorld: (w) => crval + w, toIntermediate: (world) => world - crval };
}

/** -LOG: S = S_r exp(w / S_r). Throws INPUT_INVALID when CRVAL is not positive. */
export function logAxis(crval: number, keyword: string): AxisTransform {
  if (!(crval > 0))
    throw keywordError(
      keyword,
      `${keyword} is ${crval}, but a logarithmic axis needs a positive reference value.`,
      `Correct ${keyword}.`,
    );
  return {
    toWorld: (w) => crval * Math.exp(w / crval),
    toIntermediate: (world) => (world > 0 ? crval * Math.log(world / crval) : Number.NaN),
  };
}

/**
 * X2P: linear in the basic variable X, which is a function of the coordinate S; dX/dS at the reference point is taken so that S is
 * right there to first order. Throws INPUT_INVALID for an unknown code, a missing rest value or a reference outside its domain.
 */
export function nonlinearAxis(header: HeaderReader, axis: number, name: string, code: string, crval: number): AxisTransform {
  const ctype = `CTYPE${axis + 1}${header.alternate}`;
  const spectral = SPECTRAL_TYPES.get(name)!;
  const match = /^([FWAV])2([FWAV])$/.exec(code);
  if (!match || match[2] !== spectral.basic || match[1] === match[2]) {
    throw keywordError(ctype, `${ctype} = '${name}-${code}' is not an algorithm for ${name}.`, `Correct ${ctype}.`);
  }
  const rest = restFrequency(header);
  if ((spectral.needsRest || match[1] === 'V' || spectral.basic === 'V') && rest === undefined) {
    throw keywordError(
      `RESTFRQ${header.alternate}`,
      `${ctype} = '${name}-${code}' needs RESTFRQ or RESTWAV.`,
      'Give the rest frequency (Hz) or wavelength (m).',
    );
  }
  const f0 = rest ?? 1;
  const sampled = BASIC[match[1] as Basic];
  const own = BASIC[spectral.basic];
  const offset = spectral.offset(f0);
  const scale = spectral.slope(f0);
  const toX = (s: number): number => sampled.fromFrequency(own.toFrequency(offset + scale * s, f0), f0);
  const toS = (x: number): number => (own.fromFrequency(sampled.toFrequency(x, f0), f0) - offset) / scale;
  const x0 = toX(crval);
  const slope = (scale * own.slope(offset + scale * crval, f0)) / sampled.slope(x0, f0);
  if (!(Number.isFinite(x0) && Number.isFinite(slope) && slope !== 0)) {
    const keyword = `CRVAL${axis + 1}${header.alternate}`;
    throw keywordError(
      keyword,
      `${keyword} = ${crval} has no counterpart on a '${name}-${code}' axis.`,
      `Correct ${keyword} or ${ctype}.`,
    );
  }
  const finite = (x: number): number => (Number.isFinite(x) ? x : Number.NaN);
  return { toWorld: (w) => finite(toS(x0 + w * slope)), toIntermediate: (s) => finite((toX(s) - x0) / slope) };
}

function restFrequency(header: HeaderReader): number | undefined {
  const frequency =
    header.number(`RESTFRQ${header.alternate}`) ?? (header.alternate === '' ? header.number('RESTFREQ') : undefined);
  if (frequency !== undefined && frequency > 0) return frequency;
  const wave = header.number(`RESTWAV${header.alternate}`);
  return wave !== undefined && wave > 0 ? C / wave : undefined;
}
