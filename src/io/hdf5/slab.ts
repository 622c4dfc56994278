/** Boxes of N-dimensional arrays in C order. */
import type { Chunk } from './chunk-index.ts';

/** Copies the part of a chunk that lies in the box `start`, `count` to its place in `out`. */
export function copyChunk(
  chunk: Uint8Array,
  { offset }: Pick<Chunk, 'offset'>,
  chunkShape: readonly number[],
  out: Uint8Array,
  start: readonly number[],
  count: readonly number[],
  elementBytes: number,
): void {
  const rank = start.length;
  const low = start.map((first, axis) => Math.max(first, offset[axis]));
  const high = start.map((first, axis) => Math.min(first + count[axis], offset[axis] + chunkShape[axis]));
  if (low.some((first, axis) => first >= high[axis])) return;
  const last = rank - 1;
  const runBytes = (high[last] - low[last]) * elementBytes;
  const at = [...low];
  for (;;) {
    let from = 0;
    let to = 0;
    for (let axis = 0; axis < rank; axis++) {
      from = from * chunkShape[axis] + at[axis] - offset[axis];
      to = to * count[axis] + at[axis] - start[axis];
    }
    out.set(chunk.subarray(from * elementBytes, from * elementBytes + runBytes), to * elementBytes);
    let axis = last - 1;
    while (axis >= 0 && ++at[axis] === high[axis]) at[axis] = low[axis--];
    if (axis < 0) return;
  }
}

/** Elements of a box; 1 for a scalar. */
export const volume = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
