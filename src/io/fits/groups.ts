/** Random groups (FITS Standard 4.0, section 6): each group is a row of parameters and an array. */
import { checkRange } from '../store/source.ts';
import { damaged } from './damage.ts';
import { arrayOf, type NumberArray, type NumericDtype, sizeOf } from './elements.ts';
import type { FitsHdu } from './file.ts';
import { type PixelCoding, pixelCoding } from './pixels.ts';
import { readRanges } from './ranges.ts';

export interface GroupParameter {
  /** PTYPEn; parameters of one name are summands of one value. */
  readonly name: string;
  /** One per group, scaled with PSCALn and PZEROn. */
  readonly values: Float64Array<ArrayBuffer>;
}

export interface RandomGroups {
  readonly parameters: readonly GroupParameter[];
  /** [groups, ..., NAXIS3, NAXIS2], scaled with BSCALE and BZERO. */
  readonly shape: readonly number[];
  readonly data: NumberArray;
  readonly dtype: NumericDtype;
}

/**
 * Groups `start .. start + count` (all by default).
 *
 * @throws INPUT_INVALID when the HDU holds no groups, the range is outside, or the file ends too early
 */
export async function readGroups(hdu: FitsHdu, start = 0, count = hdu.gcount - start): Promise<RandomGroups> {
  const { where } = hdu.header;
  if (hdu.type !== 'RANDOM_GROUPS')
    throw damaged(where, `it is a ${hdu.type} HDU, not random groups`, undefined, 'Name a random groups HDU.');
  if (!(Number.isSafeInteger(start) && Number.isSafeInteger(count) && start >= 0 && count >= 0 && start + count <= hdu.gcount))
    throw damaged(
      where,
      `groups ${start} to ${start + count} are asked for and it has ${hdu.gcount}`,
      undefined,
      'Ask for less.',
    );
  const coding = pixelCoding(hdu.header);
  const cell = hdu.axes.slice(1).toReversed();
  const cellSize = cell.length === 0 ? 0 : sizeOf(cell);
  const groupBytes = (hdu.pcount + cellSize) * coding.width;
  const range = { offset: hdu.dataOffset + start * groupBytes, length: count * groupBytes };
  checkRange(hdu.source, range.offset, range.length);
  if (groupBytes === 0) throw damaged(where, `its ${hdu.gcount} groups are empty`);
  const parameters = Array.from({ length: hdu.pcount }, (_, index) => ({
    name: hdu.header.text(`PTYPE${index + 1}`) ?? '',
    scale: hdu.header.number(`PSCAL${index + 1}`, 1),
    zero: hdu.header.number(`PZERO${index + 1}`, 0),
    values: new Float64Array(count),
  }));
  const data = arrayOf(coding.dtype, count * cellSize);
  const parameterCoding = storedCoding(hdu);
  const raw = arrayOf(parameterCoding.dtype, hdu.pcount);
  await readRanges(hdu.source, [range], groupBytes, (bytes, _index, from) => {
    for (let at = 0; at < bytes.length; at += groupBytes) {
      const group = (from + at) / groupBytes;
      const cut = at + hdu.pcount * coding.width;
      parameterCoding.decode(bytes.subarray(at, cut), raw, 0);
      for (const [index, { scale, zero, values }] of parameters.entries()) values[group] = Number(raw[index]) * scale + zero;
      coding.decode(bytes.subarray(cut, at + groupBytes), data, group * cellSize);
    }
  });
  return {
    parameters: parameters.map(({ name, values }) => ({ name, values })),
    shape: [count, ...cell],
    data,
    dtype: coding.dtype,
  };
}

/** The parameters are stored as the data are, and scaled by keywords of their own. */
function storedCoding(hdu: FitsHdu): PixelCoding {
  const header = hdu.header.clone().remove((key) => key === 'BSCALE' || key === 'BZERO' || key === 'BLANK');
  return pixelCoding(header);
}

/** The value of a named parameter in every group: the sum of the parameters of that name. Undefined when there is none. */
export function groupParameter(groups: RandomGroups, name: string): Float64Array<ArrayBuffer> | undefined {
  const parts = groups.parameters.filter((parameter) => parameter.name === name);
  if (parts.length === 0) return undefined;
  return parts[0].values.map((_, group) => parts.reduce((sum, { values }) => sum + values[group], 0));
}
