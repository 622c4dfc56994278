/** Worker thread that reads rows of images into shared memory. It opens each image once; it ends with the thread that started it. */
import { parentPort, workerData } from 'node:worker_threads';
import { ArcletError, toPlainError } from '../../core/errors.ts';
import type { FitConfig } from './config.ts';
import type { PixelBox } from './field.ts';
import { BandFiller } from './load-fill.ts';
import { type StoredPixels, storedPixels } from './load-frames.ts';
import { readImageHeader } from './load-header.ts';
import type { RowScan, ShownRows } from './load-scan.ts';
import type { ChunkArrays, ChunkLayout } from './white-pack.ts';

export interface ReaderSetup {
  readonly inputs: FitConfig['inputs'];
  readonly zpRef: number;
  /** The working frame. */
  readonly box: PixelBox;
}

/** Put these bands of a box of the full images into arrays. */
export interface ReadRequest {
  readonly id: number;
  /** Of the arrays; they are sent once. */
  readonly number: number;
  readonly arrays: ChunkArrays | undefined;
  readonly layout: ChunkLayout;
  readonly bands: readonly number[];
  /** Of the images of these bands. */
  readonly paths: readonly string[];
  readonly part: PixelBox;
  readonly rows: ShownRows;
}

export type ReadAnswer =
  | { readonly type: 'filled'; readonly id: number; readonly scans: readonly RowScan[] }
  | { readonly type: 'failed'; readonly id: number; readonly error: ReturnType<typeof toPlainError> };

const port = parentPort;
if (port === null) throw new ArcletError('INTERNAL', 'The reader of images was run outside a worker thread.');
const { inputs, zpRef, box } = workerData as ReaderSetup;
const open = new Map<string, Promise<StoredPixels>>();
const known = new Map<number, ChunkArrays>();
const filler = new BandFiller(box);

function pixelsOf(path: string): Promise<StoredPixels> {
  let pixels = open.get(path);
  if (pixels === undefined) {
    pixels = readImageHeader(path, inputs).then(({ image, problems }) => {
      if (image !== undefined && problems.length === 0) return storedPixels(image, zpRef);
      // It was sound when the field was opened.
      throw new ArcletError('INPUT_INVALID', `${path} has changed since it was opened: ${problems[0]?.what}.`, { subject: path });
    });
    open.set(path, pixels);
  }
  return pixels;
}

async function answer({ id, number, layout, bands, paths, part, rows }: ReadRequest): Promise<ReadAnswer> {
  try {
    const arrays = known.get(number) as ChunkArrays;
    const scans: RowScan[] = [];
    for (const [index, band] of bands.entries())
      scans.push(await filler.fill(await pixelsOf(paths[index]), { arrays, layout, band, part, rows }));
    return { type: 'filled', id, scans };
  } catch (error) {
    return { type: 'failed', id, error: toPlainError(error) };
  }
}

// One request after the other: they use one memory.
let last: Promise<void> = Promise.resolve();
port.on('message', (request: ReadRequest) => {
  if (request.arrays !== undefined) known.set(request.number, request.arrays);
  last = last.then(async () => port.postMessage(await answer(request)));
});
