/** Reads a rows file and the template bank that it names. */
import { dirname, resolve } from 'node:path';
import type { TemplateBank } from '../../../kernels/source-struct.ts';
import { ArcletError } from '../../core/errors.ts';
import { readInput } from '../../io/atomic.ts';
import { decodeNpy, type NpyArray } from '../../io/npy.ts';
import { decodeNpz } from '../../io/npz.ts';
import { parseRows, type RowsFile } from './rows.ts';

/**
 * @returns the checked file and, when it has a bank (inline or by path), the bank
 * @throws INPUT_UNREADABLE, ROWS_INVALID, SOURCE_LARGER_THAN_STAMP, BANK_EMPTY, INPUT_INVALID
 */
export async function readRows(path: string): Promise<{ file: RowsFile; bank: TemplateBank | undefined }> {
  const file = parseRows(new TextDecoder().decode(await readInput(path)), path);
  if (typeof file.bank !== 'string') return { file, bank: file.bank && inlineBank(file.bank, path) };
  return { file, bank: await readBank(resolve(dirname(path), file.bank)) };
}

/** A bank written into the rows file, [template][y][x]. Throws BANK_EMPTY or INPUT_INVALID. */
export function inlineBank(bank: readonly (readonly (readonly number[])[])[], source: string): TemplateBank {
  const side = bank[0]?.length ?? 0;
  const uneven = bank.findIndex((image) => image.length !== side || image.some((line) => line.length !== side));
  if (uneven >= 0) throw notSquare(`${source}: bank[${uneven}]`, `it is not ${side} x ${side}`);
  return squareBank({ data: Float64Array.from(bank.flat(2)), shape: [bank.length, side, side] }, source);
}

/** A bank of an .npz (its array `images`, or its only one) or .npy, [template, y, x]. */
export async function readBank(path: string): Promise<TemplateBank> {
  const bytes = await readInput(path);
  if (path.endsWith('.npy')) return squareBank(decodeNpy(bytes, path), path);
  const arrays = decodeNpz(bytes, path);
  const names = Object.keys(arrays);
  const array = arrays['images'] ?? (names.length === 1 ? arrays[names[0]] : undefined);
  if (array === undefined) throw notSquare(path, `it has no array 'images' among ${names.join(', ') || 'none'}`);
  return squareBank(array, path);
}

function squareBank({ data, shape }: NpyArray, source: string): TemplateBank {
  if (data.length === 0) {
    throw new ArcletError('BANK_EMPTY', `${source}: the template bank holds no template.`, {
      subject: source,
      remedy: 'Give a bank with at least one square image.',
    });
  }
  if (shape.length !== 3 || shape[1] !== shape[2]) throw notSquare(source, `its shape is [${shape.join(', ')}]`);
  const floats = data instanceof Float32Array || data instanceof Float64Array;
  return { images: floats ? data : Float64Array.from(data), side: shape[1] };
}

function notSquare(source: string, why: string): ArcletError {
  return new ArcletError('INPUT_INVALID', `${source} is no bank of templates [template, y, x] with y = x: ${why}.`, {
    subject: source,
    remedy: 'Save one three-dimensional array of square images.',
  });
}
