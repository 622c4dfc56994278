/** Worker thread that reads rows of images. It opens each image once; it ends with the thread that started it. */
import { parentPort, workerData } from 'node:worker_threads';
import { ArcletError, toPlainError } from '../../core/errors.ts';
import type { FitConfig } from './config.ts';
import type { FramePixels, PixelBox } from './field.ts';
import { type SectionReader, sectionReader } from './load-frames.ts';
import { readImageHeader } from './load-header.ts';
import { type RowScan, type ShownRows, scanRows } from './load-scan.ts';

export interface ReaderSetup {
  readonly inputs: FitConfig['inputs'];
  readonly zpRef: number;
  /** The working frame. */
  readonly box: PixelBox;
}

export interface ReadRequest {
  readonly id: number;
  readonly path: string;
  /** Of the full image. */
  readonly part: PixelBox;
  readonly rows: ShownRows;
}

export type ReadAnswer =
  | { readonly type: 'rows'; readonly id: number; readonly pixels: FramePixels; readonly scan: RowScan }
  | { readonly type: 'failed'; readonly id: number; readonly error: ReturnType<typeof toPlainError> };

const port = parentPort;
if (port === null) throw new ArcletError('INTERNAL', 'The reader of images was run outside a worker thread.');
const { inputs, zpRef, box } = workerData as ReaderSetup;
const open = new Map<string, Promise<SectionReader>>();

function readerOf(path: string): Promise<SectionReader> {
  let reader = open.get(path);
  if (reader === undefined) {
    reader = readImageHeader(path, inputs).then(({ image, problems }) => {
      if (image !== undefined && problems.length === 0) return sectionReader(image, zpRef);
      // It was sound when the field was opened.
      throw new ArcletError('INPUT_INVALID', `${path} has changed since it was opened: ${problems[0]?.what}.`, { subject: path });
    });
    open.set(path, reader);
  }
  return reader;
}

port.on('message', async ({ id, path, part, rows }: ReadRequest) => {
  try {
    const read = await readerOf(path);
    const pixels = await read(part.x0, part.y0, part.width, part.height);
    const scan = scanRows(pixels, rows, box);
    const buffers = [pixels.image, pixels.bad, scan.starts, scan.columns].map(({ buffer }) => buffer as ArrayBuffer);
    port.postMessage({ type: 'rows', id, pixels, scan } satisfies ReadAnswer, buffers);
  } catch (error) {
    port.postMessage({ type: 'failed', id, error: toPlainError(error) } satisfies ReadAnswer);
  }
});
