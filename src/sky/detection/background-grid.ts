/** The grid of a background after its meshes are measured: meshes without a value are filled, and outliers fall to a median filter. */

/**
 * Gives meshes that are NaN the mean of the nearest meshes with a value (all of those at the least distance, in meshes).
 * Time goes with the number of meshes times the distance to the nearest good one.
 *
 * @param level `columns` x `rows` levels, changed in place
 * @param rms the same shape, NaN in the same places, changed in place
 * @returns how many meshes were filled. Without any good mesh the levels become 0 and the rms 1, as SEP has it.
 */
export function fillMeshes(level: Float64Array, rms: Float64Array, columns: number, rows: number): number {
  const bad: number[] = [];
  for (let mesh = 0; mesh < level.length; mesh++) if (Number.isNaN(level[mesh])) bad.push(mesh);
  if (bad.length === 0) return 0;
  if (bad.length === level.length) {
    level.fill(0);
    rms.fill(1);
    return bad.length;
  }
  const [above, below] = nearestInColumn(level, columns, rows);
  const filled = bad.map((mesh): [number, number] => {
    const column = mesh % columns;
    const row = (mesh - column) / columns;
    let least = Number.POSITIVE_INFINITY;
    let levels = 0;
    let sigmas = 0;
    let found = 0;
    const take = (other: number, distance: number) => {
      if (distance > least) return;
      if (distance < least) [least, levels, sigmas, found] = [distance, 0, 0, 0];
      levels += level[other];
      sigmas += rms[other];
      found++;
    };
    for (let across = 0; across < columns && across * across <= least; across++) {
      for (const side of across === 0 ? [column] : [column - across, column + across]) {
        if (side < 0 || side >= columns) continue;
        const up = above[row * columns + side];
        const down = below[row * columns + side];
        if (up >= 0) take(up * columns + side, across * across + (row - up) ** 2);
        if (down >= 0 && down !== up) take(down * columns + side, across * across + (down - row) ** 2);
      }
    }
    return [levels / found, sigmas / found];
  });
  bad.forEach((mesh, i) => {
    [level[mesh], rms[mesh]] = filled[i];
  });
  return bad.length;
}

/** For every mesh the row of the nearest good one at or before it in its column, and at or after it; -1 where there is none. */
function nearestInColumn(level: Float64Array, columns: number, rows: number): [Int32Array, Int32Array] {
  const above = new Int32Array(level.length);
  const below = new Int32Array(level.length);
  for (let column = 0; column < columns; column++) {
    for (let row = 0, last = -1; row < rows; row++) {
      const mesh = row * columns + column;
      if (!Number.isNaN(level[mesh])) last = row;
      above[mesh] = last;
    }
    for (let row = rows - 1, last = -1; row >= 0; row--) {
      const mesh = row * columns + column;
      if (!Number.isNaN(level[mesh])) last = row;
      below[mesh] = last;
    }
  }
  return [above, below];
}

/**
 * Median of `width` x `height` meshes around each mesh. At a border the window shrinks on both sides alike, so it stays centred.
 * A mesh is replaced, level and rms together, when its level differs from the median by `threshold` or more.
 *
 * @returns new levels and rms
 */
export function filterMeshes(
  level: Float64Array,
  rms: Float64Array,
  columns: number,
  rows: number,
  options: { width: number; height: number; threshold: number },
): { level: Float64Array; rms: Float64Array } {
  const halfWidth = options.width >> 1;
  const halfHeight = options.height >> 1;
  const newLevel = level.slice();
  const newRms = rms.slice();
  if (halfWidth === 0 && halfHeight === 0) return { level: newLevel, rms: newRms };
  const window = new Float64Array((2 * halfWidth + 1) * (2 * halfHeight + 1));
  for (let row = 0; row < rows; row++) {
    const tall = Math.min(halfHeight, row, rows - 1 - row);
    for (let column = 0; column < columns; column++) {
      const wide = Math.min(halfWidth, column, columns - 1 - column);
      const median = (of: Float64Array) => {
        let count = 0;
        for (let y = row - tall; y <= row + tall; y++) {
          for (let x = column - wide; x <= column + wide; x++) window[count++] = of[y * columns + x];
        }
        return window.subarray(0, count).sort()[count >> 1];
      };
      const mesh = row * columns + column;
      const levelMedian = median(level);
      if (Math.abs(levelMedian - level[mesh]) >= options.threshold) {
        newLevel[mesh] = levelMedian;
        newRms[mesh] = median(rms);
      }
    }
  }
  return { level: newLevel, rms: newRms };
}

/** Median; of an even count the mean of the two in the middle. NaN of none. */
export function medianOf(values: Float64Array): number {
  if (values.length === 0) return Number.NaN;
  const sorted = values.slice().sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : 0.5 * (sorted[half - 1] + sorted[half]);
}
