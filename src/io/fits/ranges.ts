/** Which bytes a box of an array takes, and reading many ranges in few requests. */
import { type ByteSource, checkRange } from '../store/source.ts';
import { damaged } from './damage.ts';
import { sizeOf } from './elements.ts';

/** Ranges with a smaller gap are read as one: one request more costs more than these bytes do. */
const GAP_BYTES = 2 ** 16;
/** Nothing longer is read at once, so that memory holds the result and little more. */
const PIECE_BYTES = 2 ** 22;

export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** What a reader asked of the source. Handed in, it is added to. */
export interface ReadReport {
  bytes: number;
  reads: number;
}

/** Memory for pieces, used again for each: one read at a time. It grows to the largest piece. */
export class PieceMemory {
  #bytes = new Uint8Array(0);

  /** Bytes `offset .. offset + length` of a source; valid until the next call. */
  async read(source: ByteSource, offset: number, length: number): Promise<Uint8Array> {
    if (source.readInto === undefined) return source.read(offset, length);
    checkRange(source, offset, length);
    if (this.#bytes.length < length) this.#bytes = new Uint8Array(length);
    const bytes = this.#bytes.subarray(0, length);
    await source.readInto(offset, bytes);
    return bytes;
  }
}

/**
 * Reads ranges in the order given (offsets must not fall), near ones together, long ones in pieces whose length is a multiple of `unit`.
 *
 * @param use takes a piece of range `index`, from `from` bytes after that range's start. The bytes are valid during the call only.
 * @param memory for pieces; without one each has its own
 */
export async function readRanges(
  source: ByteSource,
  ranges: readonly ByteRange[],
  unit: number,
  use: (bytes: Uint8Array, index: number, from: number) => void,
  report?: ReadReport,
  memory?: PieceMemory,
): Promise<void> {
  const piece = Math.max(unit, Math.floor(PIECE_BYTES / unit) * unit);
  const read = async (offset: number, length: number) => {
    if (report) {
      report.bytes += length;
      report.reads++;
    }
    return memory === undefined ? source.read(offset, length) : memory.read(source, offset, length);
  };
  for (let first = 0; first < ranges.length; ) {
    const { offset, length } = ranges[first];
    if (length > piece) {
      for (let from = 0; from < length; from += piece)
        use(await read(offset + from, Math.min(piece, length - from)), first, from);
      first++;
      continue;
    }
    let last = first;
    let end = offset + length;
    while (last + 1 < ranges.length) {
      const next = ranges[last + 1];
      const nextEnd = Math.max(end, next.offset + next.length);
      if (next.offset - end > GAP_BYTES || nextEnd - offset > PIECE_BYTES) break;
      end = nextEnd;
      last++;
    }
    const bytes = await read(offset, end - offset);
    for (let index = first; index <= last; index++) {
      const start = ranges[index].offset - offset;
      use(bytes.subarray(start, start + ranges[index].length), index, 0);
    }
    first = last + 1;
  }
}

/** Throws INPUT_INVALID unless the box `start .. start + extent` lies in `shape`. */
export function checkBox(where: string, shape: readonly number[], start: readonly number[], extent: readonly number[]): void {
  const fits =
    start.length === shape.length &&
    extent.length === shape.length &&
    shape.every(
      (size, axis) =>
        Number.isSafeInteger(start[axis]) &&
        Number.isSafeInteger(extent[axis]) &&
        start[axis] >= 0 &&
        extent[axis] >= 0 &&
        start[axis] + extent[axis] <= size,
    );
  if (!fits)
    throw damaged(
      where,
      `a box from [${start}] of shape [${extent}] is not inside the image of shape [${shape}]`,
      undefined,
      'Ask for a box inside the image.',
    );
}

/** The contiguous runs of a box of a C-order array, in elements: all of one length, in rising order. */
export function* boxRuns(
  shape: readonly number[],
  start: readonly number[],
  extent: readonly number[],
): Generator<{ offset: number; length: number }> {
  if (sizeOf(extent) === 0) return;
  // Axes that are taken whole run together with the one before them.
  let inner = shape.length;
  while (inner > 0 && extent[inner - 1] === shape[inner - 1]) inner--;
  const runAxis = Math.max(0, inner - 1);
  const stride = sizeOf(shape.slice(runAxis + 1));
  const length = (extent[runAxis] ?? 1) * stride;
  const index = start.slice(0, runAxis);
  for (;;) {
    let row = 0;
    for (let axis = 0; axis < runAxis; axis++) row = row * shape[axis] + index[axis];
    yield { offset: (row * (shape[runAxis] ?? 1) + (start[runAxis] ?? 0)) * stride, length };
    let axis = runAxis - 1;
    while (axis >= 0 && ++index[axis] === start[axis] + extent[axis]) {
      index[axis] = start[axis];
      axis--;
    }
    if (axis < 0) return;
  }
}
