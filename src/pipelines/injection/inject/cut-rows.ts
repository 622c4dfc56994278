/** The survey's pixels under each row, brick by brick. */
import type { BrickReader, Cutouts } from '../bricks/reader.ts';
import type { Task } from '../columns.ts';

/** One row's stamp: views into its brick's cutouts. */
export interface PlanesOfRow {
  /** [band, y, x], nanomaggies. */
  readonly image: Float32Array;
  /** [band, y, x], nanomaggy^-2; 0 without coverage. */
  readonly invvar: Float32Array;
  /** [y, x] */
  readonly mask: Uint32Array;
}

export interface CutRow extends PlanesOfRow {
  readonly task: Task;
  /** Why there are no pixels at all: `CODE: sentence`. */
  readonly failed: string | undefined;
  /** What is wrong with this row's place, although its brick can be read. */
  readonly reason: string | undefined;
  readonly inside: boolean;
  readonly finite: boolean;
  /** First column and row of the stamp in the brick. */
  readonly x0: number;
  readonly y0: number;
  /** Target in the stamp, 0-based pixel centres. */
  readonly hostX: number;
  readonly hostY: number;
  /** One per band, arcsec; NaN without a map. */
  readonly psfsize: Float64Array;
}

/** Sums of what cutting took; worker seconds, not wall time. */
export interface CutTimings {
  bytes: number;
  tiles: number;
  readSeconds: number;
  decodeSeconds: number;
}

/** Cuts all rows, in their order; those of one brick and size in one request. Rows of a brick that cannot be read come with its reason. */
export async function cutRows(reader: BrickReader, tasks: readonly Task[], timings: CutTimings): Promise<CutRow[]> {
  const requests = new Map<string, number[]>();
  tasks.forEach(({ brickname, stamp_size }, index) => {
    const key = `${stamp_size} ${brickname}`;
    const places = requests.get(key);
    if (places === undefined) requests.set(key, [index]);
    else places.push(index);
  });
  const rows: CutRow[] = new Array(tasks.length);
  const cut = async (places: readonly number[]): Promise<void> => {
    const { brickname, stamp_size } = tasks[places[0]];
    const targets = places.map((place) => ({ raDeg: tasks[place].ra, decDeg: tasks[place].dec }));
    const cutouts = await reader.cutouts(brickname, targets, stamp_size);
    timings.bytes += cutouts.report.bytes;
    timings.tiles += cutouts.report.tiles;
    timings.readSeconds += cutouts.report.readSeconds;
    timings.decodeSeconds += cutouts.report.decodeSeconds;
    places.forEach((place, index) => {
      rows[place] = rowOf(tasks[place], cutouts, index);
    });
  };
  await Promise.all([...requests.values()].map(cut));
  return rows;
}

const NOTHING = { image: new Float32Array(0), invvar: new Float32Array(0), mask: new Uint32Array(0) };

function rowOf(task: Task, cutouts: Cutouts, index: number): CutRow {
  const { failed, size, bands } = cutouts;
  if (failed !== undefined) {
    const lost = {
      x0: Number.NaN,
      y0: Number.NaN,
      hostX: Number.NaN,
      hostY: Number.NaN,
      psfsize: new Float64Array(bands.length),
    };
    return {
      task,
      failed: `${failed.code}: ${failed.message}`,
      reason: undefined,
      inside: false,
      finite: false,
      ...lost,
      ...NOTHING,
    };
  }
  const pixels = size * size;
  const cube = bands.length * pixels;
  return {
    task,
    failed: undefined,
    reason: cutouts.reason[index],
    inside: cutouts.inside[index] === 1,
    finite: cutouts.finite[index] === 1,
    x0: cutouts.x0[index],
    y0: cutouts.y0[index],
    hostX: cutouts.x[index] - cutouts.x0[index],
    hostY: cutouts.y[index] - cutouts.y0[index],
    psfsize: cutouts.psfsize.subarray(index * bands.length, (index + 1) * bands.length),
    image: cutouts.image.subarray(index * cube, (index + 1) * cube),
    invvar: cutouts.invvar.subarray(index * cube, (index + 1) * cube),
    mask: cutouts.mask.subarray(index * pixels, (index + 1) * pixels),
  };
}
