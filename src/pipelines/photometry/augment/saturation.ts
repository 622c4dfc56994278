/** Which places of a field are near saturated pixels, reading no more of the frames than what lies about them. */
import { ArcletError } from '../../../core/errors.ts';
import type { LoadedField } from '../field.ts';
import { scanRows } from '../load-scan.ts';
import { SaturationProbe } from '../load-sources.ts';
import type { Places } from './select.ts';

export interface SaturationCut {
  readonly radiusPix: number;
  readonly requireAllBands: boolean;
}

const CHUNK_BYTES = 16e6;

/** 1 for places within the radius of a saturated pixel, by the rule that holds for rows of the catalogue. Throws ABORTED, and what reading frames throws. */
export async function saturatedPlaces(
  { frames, box }: Pick<LoadedField, 'frames' | 'box'>,
  { x, y }: Places,
  { radiusPix, requireAllBands }: SaturationCut,
  signal: AbortSignal,
): Promise<Uint8Array> {
  if (x.length === 0) return new Uint8Array(0);
  const places = { x: Float64Array.from(x), y: Float64Array.from(y) };
  const probe = new SaturationProbe(places, radiusPix);
  const reach = Math.ceil(radiusPix) + 1;
  const [left, right] = extent(places.x, reach, box.width);
  const stride = right - left;
  const runs = rowsNear(places.y, reach, box.height, Math.max(1, Math.floor(CHUNK_BYTES / (5 * stride))));
  for (const frame of frames) {
    for (const { y0, count } of runs) {
      if (signal.aborted) throw aborted(signal);
      const pixels = await frame.section(left, y0, stride, count);
      const scan = scanRows(pixels, { y0, count, x0: 0, stride }, { width: stride, height: box.height });
      probe.look(frame.band, { ...scan, columns: scan.columns.map((column) => column + left) });
    }
  }
  return probe.flags(
    frames.map(({ band }) => band),
    requireAllBands,
  );
}

function extent(values: Float64Array, reach: number, length: number): [number, number] {
  let [least, most] = [length, 0];
  for (const value of values) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return [Math.max(0, Math.floor(least) - reach), Math.min(length, Math.ceil(most) + reach + 1)];
}

/** Runs of rows that come within reach of a place, at most `longest` rows each. */
function rowsNear(y: Float64Array, reach: number, height: number, longest: number): { y0: number; count: number }[] {
  const steps = new Int32Array(height + 1);
  for (const value of y) {
    steps[Math.max(0, Math.floor(value) - reach)]++;
    steps[Math.min(height, Math.ceil(value) + reach + 1)]--;
  }
  const runs: { y0: number; count: number }[] = [];
  let open: { y0: number; count: number } | undefined;
  for (let row = 0, depth = 0; row < height; row++) {
    depth += steps[row];
    if (depth === 0) open = undefined;
    else if (open !== undefined && open.count < longest) open.count++;
    else {
      open = { y0: row, count: 1 };
      runs.push(open);
    }
  }
  return runs;
}

const aborted = ({ reason }: AbortSignal): ArcletError =>
  new ArcletError('ABORTED', 'The run was stopped while Gaia sources were tested for saturation.', {
    subject: 'augment',
    remedy: 'Run it again.',
    cause: reason,
  });
