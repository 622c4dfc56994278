/** Units of world axes: angles to degrees, spectral units to SI (what wcslib does, so that numbers agree). */

const PREFIX: Readonly<Record<string, number>> = {
  '': 1,
  Y: 1e24,
  Z: 1e21,
  E: 1e18,
  P: 1e15,
  T: 1e12,
  G: 1e9,
  M: 1e6,
  k: 1e3,
  h: 1e2,
  da: 10,
  d: 0.1,
  c: 1e-2,
  m: 1e-3,
  u: 1e-6,
  n: 1e-9,
  p: 1e-12,
  f: 1e-15,
  a: 1e-18,
};

const ANGLE: Readonly<Record<string, number>> = {
  '': 1,
  deg: 1,
  degree: 1,
  degrees: 1,
  arcmin: 1 / 60,
  arcsec: 1 / 3600,
  mas: 1 / 3.6e6,
  rad: 180 / Math.PI,
};

/** Degrees in one `unit`, or undefined for a unit that is no angle. */
export function angleToDegrees(unit: string): number | undefined {
  return ANGLE[unit] ?? ANGLE[unit.toLowerCase()];
}

const JOULE_PER_EV = 1.602176634e-19;
/** Factor of names that take no prefix here, written as found in archives. */
const NAMED: Readonly<Record<string, readonly [string, number]>> = {
  angstrom: ['m', 1e-10],
  angstroms: ['m', 1e-10],
  micron: ['m', 1e-6],
  microns: ['m', 1e-6],
  hertz: ['Hz', 1],
  erg: ['J', 1e-7],
  ry: ['J', 13.605693122994 * JOULE_PER_EV],
};
const PREFIXED: readonly (readonly [string, string, number])[] = [
  ['Hz', 'Hz', 1],
  ['eV', 'J', JOULE_PER_EV],
  ['J', 'J', 1],
  ['m', 'm', 1],
];

/** Factor from `unit` to the SI unit `target` ('m', 'Hz', 'm/s', 'J', '/m' or '' for a ratio); undefined when it cannot be. */
export function toSi(unit: string, target: string): number | undefined {
  const text = unit.trim();
  if (text === '' || text === target) return 1;
  if (target === '/m') {
    const length = /^(?:1\/|\/)(\w+)$/.exec(text)?.[1] ?? /^(\w+?)(?:\*\*|\^)?\(?-1\)?$/.exec(text)?.[1];
    const factor = length === undefined ? undefined : toSi(length, 'm');
    return factor === undefined ? undefined : 1 / factor;
  }
  if (target === 'm/s') {
    const length = /^(\w+?)(?:\/s(?:ec)?|[ .*]s(?:\*\*|\^)?\(?-1\)?)$/.exec(text)?.[1];
    return length === undefined ? undefined : toSi(length, 'm');
  }
  const named = NAMED[text.toLowerCase()];
  if (named) return named[0] === target ? named[1] : undefined;
  for (const [name, si, factor] of PREFIXED) {
    const stem =
      text.toLowerCase() === name.toLowerCase() && name === 'Hz'
        ? ''
        : text.endsWith(name)
          ? text.slice(0, -name.length)
          : undefined;
    if (si === target && stem !== undefined && PREFIX[stem] !== undefined) return PREFIX[stem] * factor;
  }
  return undefined;
}
