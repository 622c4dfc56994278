/** Maskbits of the Legacy Surveys (the coadds' maskbits planes and the catalogues' column) that make a pixel bad. */
import { ArcletError } from '../../core/errors.ts';

/** Meanings of the bits differ by release: legacypipe, bits.py. DR10 adds SATUR_I, ALLMASK_I and SUB_BLOB (14 to 16) to those of DR9. */
export type MaskRelease = 'dr9' | 'dr10';

/** BRIGHT, SATUR_GRZ, ALLMASK_GRZ, BAILOUT, MEDIUM. Not NPRIMARY (0): such a pixel belongs to the neighbouring brick and is not bad. */
const DEFAULT_BITS = [1, 2, 3, 4, 5, 6, 7, 10, 11];
/** What DHS counted: NPRIMARY, BRIGHT, SATUR_R, ALLMASK_R, BAILOUT, MEDIUM (value 3147). */
const DHS_BITS = [0, 1, 3, 6, 10, 11];

const PRESETS: Readonly<Record<MaskRelease, Readonly<Record<'default' | 'dhs', readonly number[]>>>> = {
  dr9: { default: DEFAULT_BITS, dhs: DHS_BITS },
  dr10: { default: DEFAULT_BITS, dhs: DHS_BITS },
};

/**
 * The mask that a config key means: a preset of the release, the value itself, or a list of bits.
 *
 * @throws CONFIG_INVALID for a bit outside 0 to 30 or a value outside 0 to 2^31 - 1 (maskbits are signed 32-bit integers)
 */
export function bitMask(value: 'default' | 'dhs' | number | readonly number[], release: MaskRelease = 'dr10'): number {
  if (typeof value === 'number') {
    if (Number.isInteger(value) && value >= 0 && value < 2 ** 31) return value;
    throw outside(`${value} is no mask value from 0 to ${2 ** 31 - 1}`);
  }
  const bits = typeof value === 'string' ? PRESETS[release][value] : value;
  const strange = bits.find((bit) => !Number.isInteger(bit) || bit < 0 || bit > 30);
  if (strange !== undefined) throw outside(`${strange} is no bit from 0 to 30`);
  return bits.reduce((mask, bit) => mask | (1 << bit), 0);
}

function outside(what: string): ArcletError {
  return new ArcletError('CONFIG_INVALID', `Of the maskbits, ${what}.`, {
    remedy: 'Give one number for a mask value, or a list of bit numbers.',
  });
}
