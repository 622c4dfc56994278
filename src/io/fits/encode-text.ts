/** Text, logicals and bits to bytes. */
import { damaged } from './damage.ts';

/** Strings of `length` bytes each, filled with NUL. Throws INPUT_INVALID for text that is not ASCII. */
export function packText(name: string, strings: readonly string[], length: number): Uint8Array {
  const bytes = new Uint8Array(strings.length * length);
  for (const [index, text] of strings.entries()) {
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code < 0x20 || code > 0x7e)
        throw damaged(
          `column ${name}`,
          `its text ${JSON.stringify(text)} is not printable ASCII`,
          undefined,
          'Spell the text in ASCII.',
        );
      bytes[index * length + at] = code;
    }
  }
  return bytes;
}

/** T and F, and 0 where a value is undefined. */
export function packLogicals(values: Uint8Array, valid?: Uint8Array): Uint8Array {
  return values.map((value, at) => (valid?.[at] === 0 ? 0 : value !== 0 ? 0x54 : 0x46));
}

/** Cells of bits, each in whole bytes, the first bit highest. */
export function packBits(values: Uint8Array, cell: number): Uint8Array {
  const width = Math.ceil(cell / 8);
  const bytes = new Uint8Array(cell === 0 ? 0 : (values.length / cell) * width);
  for (let at = 0; at < values.length; at++) {
    const bit = at % cell;
    if (values[at] !== 0) bytes[Math.floor(at / cell) * width + (bit >>> 3)] |= 0x80 >>> (bit & 7);
  }
  return bytes;
}
