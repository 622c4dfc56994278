/** What a header says about the data after it: kind of HDU, axes, bytes (FITS Standard 4.0, sections 3.3, 4.4, 6, 7). */
import { damaged } from './damage.ts';
import type { FitsHeader } from './header.ts';

export const BITPIX = [8, 16, 32, 64, -32, -64] as const;
export type Bitpix = (typeof BITPIX)[number];

export type HduType =
  | 'PRIMARY'
  | 'IMAGE'
  | 'BINTABLE'
  | 'TABLE'
  | 'COMPRESSED_IMAGE'
  | 'RANDOM_GROUPS'
  /** A conforming extension of a type that is not read here. */
  | 'OTHER';

export interface HduLayout {
  readonly type: HduType;
  readonly bitpix: Bitpix;
  /** NAXIS1, NAXIS2 ... */
  readonly axes: readonly number[];
  readonly pcount: number;
  readonly gcount: number;
  /** Bytes of the data unit without its padding. */
  readonly dataBytes: number;
}

/** BITPIX, checked. Throws INPUT_INVALID. */
export function bitpixOf(header: FitsHeader): Bitpix {
  const bitpix = header.integer('BITPIX');
  if (!(BITPIX as readonly number[]).includes(bitpix))
    throw damaged(`${header.where} BITPIX`, `it is ${bitpix}, not one of ${BITPIX.join(', ')}`);
  return bitpix as Bitpix;
}

/** NAXIS1 ... NAXISn, checked. Throws INPUT_INVALID. */
export function axesOf(header: FitsHeader): number[] {
  const count = header.integer('NAXIS', { min: 0, max: 999 });
  return Array.from({ length: count }, (_, axis) => header.integer(`NAXIS${axis + 1}`, { min: 0 }));
}

function typeOf(header: FitsHeader, index: number, axes: readonly number[]): HduType {
  if (index === 0) return axes[0] === 0 && header.get('GROUPS') === true ? 'RANDOM_GROUPS' : 'PRIMARY';
  switch (header.text('XTENSION')) {
    case 'IMAGE':
    case 'IUEIMAGE':
      return 'IMAGE';
    case 'TABLE':
      return 'TABLE';
    case 'BINTABLE':
    case 'A3DTABLE':
      return header.get('ZIMAGE') === true ? 'COMPRESSED_IMAGE' : 'BINTABLE';
    default:
      return 'OTHER';
  }
}

/** Reads the mandatory keywords. Throws INPUT_INVALID when one is missing, out of range, or their product exceeds 2^53 bytes. */
export function layoutOf(header: FitsHeader, index: number): HduLayout {
  const bitpix = bitpixOf(header);
  const axes = axesOf(header);
  const type = typeOf(header, index, axes);
  const pcount = header.integer('PCOUNT', { min: 0, fallback: 0 });
  const gcount = header.integer('GCOUNT', { min: 0, fallback: 1 });
  // The first axis of random groups is 0 by convention and counts for nothing.
  const counted = type === 'RANDOM_GROUPS' ? axes.slice(1) : axes;
  const elements = counted.length === 0 ? 0 : counted.reduce((product, axis) => product * axis, 1);
  const dataBytes = axes.length === 0 ? 0 : (Math.abs(bitpix) / 8) * gcount * (pcount + elements);
  if (!Number.isSafeInteger(dataBytes))
    throw damaged(`${header.where} NAXIS`, `axes [${axes}] with PCOUNT ${pcount} and GCOUNT ${gcount} are ${dataBytes} bytes`);
  return { type, bitpix, axes, pcount, gcount, dataBytes };
}
