/** Compressed HDUs for the tests of src/io/fits/compress, without the FITS core, so that the two are tested apart. */
import { readFileSync } from 'node:fs';
import type { CompressedHdu, CompressedImage } from '../../../src/io/fits/compress/index.ts';
import { memorySource } from '../../../src/io/store/source.ts';

export type Header = Map<string, string | number | boolean | undefined>;
export interface TestHdu extends CompressedHdu {
  readonly header: Header;
}

/** Park and Miller's generator: the same numbers everywhere. */
export function randomNumbers(seed: number): () => number {
  return () => {
    seed = (seed * 16807) % 2147483647;
    return seed / 2147483647;
  };
}

/** What a writer returned, as a reader would find it. */
export function hduOf({ cards, bytes }: CompressedImage, name = 'test image'): TestHdu {
  const header: Header = new Map(cards.map((card) => [card.keyword, card.value]));
  return { header, source: memorySource(bytes, name), dataOffset: 0, dataBytes: bytes.length };
}

function cardValue(text: string): string | number | boolean | undefined {
  const quoted = /^\s*'((?:[^']|'')*)'/.exec(text);
  if (quoted !== null) return quoted[1].replaceAll("''", "'").trimEnd();
  const plain = text.split('/')[0].trim();
  if (plain === '') return undefined;
  return plain === 'T' || plain === 'F' ? plain === 'T' : Number(plain.replace('D', 'E'));
}

/** Every HDU of a file: first card of a keyword counts, no CONTINUE. */
export function hdusOf(path: string): TestHdu[] {
  const bytes = new Uint8Array(readFileSync(path));
  const text = new TextDecoder('latin1').decode(bytes);
  const hdus: TestHdu[] = [];
  for (let at = 0; at < bytes.length; ) {
    const header: Header = new Map();
    let end = at;
    for (; !text.startsWith('END     ', end); end += 80) {
      const keyword = text.slice(end, end + 8).trim();
      if (text.slice(end + 8, end + 10) === '= ' && !header.has(keyword))
        header.set(keyword, cardValue(text.slice(end + 10, end + 80)));
    }
    const number = (key: string, absent: number) => Number(header.get(key) ?? absent);
    const dataOffset = Math.ceil((end + 80) / 2880) * 2880;
    let size = number('NAXIS', 0) > 0 ? 1 : 0;
    for (let axis = 1; axis <= number('NAXIS', 0); axis++) size *= number(`NAXIS${axis}`, 0);
    const dataBytes = (Math.abs(number('BITPIX', 8)) / 8) * number('GCOUNT', 1) * (number('PCOUNT', 0) + size);
    hdus.push({ header, source: memorySource(bytes, path), dataOffset, dataBytes });
    at = Math.ceil((dataOffset + dataBytes) / 2880) * 2880;
  }
  return hdus;
}

/** A survey-like float image: noise, a source, zeros in a corner, NaN scattered. */
export function skyImage(rows: number, columns: number, seed: number): Float32Array {
  const next = randomNumbers(seed);
  const pixels = new Float32Array(rows * columns);
  for (let index = 0; index < pixels.length; index++) {
    const [y, x] = [Math.floor(index / columns), index % columns];
    const noise = Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next());
    pixels[index] = noise + 40 * Math.exp(-((y - rows / 2) ** 2 + (x - columns / 2) ** 2) / 30);
    if (y < 6 && x < 9) pixels[index] = 0;
    if (next() < 0.01) pixels[index] = Number.NaN;
  }
  return pixels;
}
