/** Draws rows of the public kind on the CPU twins, in the calling thread. */
import { openEngine, parseRows, renderLensed } from '../../src/index.ts';
import type { RenderOptions, RenderResult } from '../../src/pipelines/injection/result.ts';
import type { RowsInput } from '../../src/pipelines/injection/rows.ts';

export async function drawOnCpu(file: RowsInput, options: RenderOptions = {}): Promise<RenderResult> {
  const engine = await openEngine({ backend: 'cpu', workers: 0 });
  try {
    return await renderLensed(engine, parseRows(file), options);
  } finally {
    await engine.close();
  }
}

/** Largest |a - b| over the largest |b|. */
export function worstOfPeak(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let worst = 0;
  let peak = 0;
  for (let i = 0; i < b.length; i++) {
    worst = Math.max(worst, Math.abs(a[i] - b[i]));
    peak = Math.max(peak, Math.abs(b[i]));
  }
  return worst / peak;
}

export function total(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum;
}

/** Plane `band` of row `row`. */
export function plane(stamps: RenderResult['lensed'], row: number, band: number): Float32Array | Float64Array {
  const [, bands, height, width] = stamps.shape;
  const at = (row * bands + band) * height * width;
  return stamps.data.subarray(at, at + height * width);
}
