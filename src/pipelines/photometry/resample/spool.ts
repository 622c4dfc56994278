/** Rows of an image and of its inverse variance on the disk while a file is made of them: its header wants to know all of them first. */
import { readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { type AtomicFile, openAtomicFile } from '../../../io/atomic.ts';

/** Rows of `width` pixels and their inverse variances, 0 where there is no data. */
export interface SpoolRows {
  readonly image: Float32Array;
  readonly invvar: Float32Array;
}

const FLOAT = 4;

/** A temporary file that is gone when it is closed. */
export class Spool {
  readonly width: number;
  readonly #file: AtomicFile;
  readonly #reader: FileHandle;

  private constructor(width: number, file: AtomicFile, reader: FileHandle) {
    this.width = width;
    this.#file = file;
    this.#reader = reader;
  }

  /** Begins a file beside `place`, which is never made. Throws OUTPUT_UNWRITABLE. */
  static async open(place: string, width: number): Promise<Spool> {
    const file = await openAtomicFile(place);
    try {
      return new Spool(width, file, await open(file.temporary));
    } catch (error) {
      await file.abort();
      throw error;
    }
  }

  /** Whole rows, after those before. Throws OUTPUT_UNWRITABLE. */
  async append({ image, invvar }: SpoolRows): Promise<void> {
    const { width } = this;
    const rows = image.length / width;
    const both = new Float32Array(2 * image.length);
    for (let row = 0; row < rows; row++) {
      both.set(image.subarray(row * width, (row + 1) * width), 2 * row * width);
      both.set(invvar.subarray(row * width, (row + 1) * width), (2 * row + 1) * width);
    }
    await this.#file.write(new Uint8Array(both.buffer));
  }

  async rows(y0: number, count: number): Promise<SpoolRows> {
    const both = new Float32Array(2 * count * this.width);
    const bytes = new Uint8Array(both.buffer);
    for (let at = 0; at < bytes.length; ) {
      const { bytesRead } = await this.#reader.read(bytes, at, bytes.length - at, 2 * FLOAT * this.width * y0 + at);
      if (bytesRead === 0) throw new Error(`${this.#file.temporary} was cut off.`);
      at += bytesRead;
    }
    return this.#apart(both, count);
  }

  /** The same without waiting: writers of files take their bytes one after the other. */
  rowsNow(y0: number, count: number): SpoolRows {
    const both = new Float32Array(2 * count * this.width);
    const bytes = new Uint8Array(both.buffer);
    for (let at = 0; at < bytes.length; ) {
      const bytesRead = readSync(this.#reader.fd, bytes, at, bytes.length - at, 2 * FLOAT * this.width * y0 + at);
      if (bytesRead === 0) throw new Error(`${this.#file.temporary} was cut off.`);
      at += bytesRead;
    }
    return this.#apart(both, count);
  }

  #apart(both: Float32Array, count: number): SpoolRows {
    const { width } = this;
    const image = new Float32Array(count * width);
    const invvar = new Float32Array(count * width);
    for (let row = 0; row < count; row++) {
      image.set(both.subarray(2 * row * width, (2 * row + 1) * width), row * width);
      invvar.set(both.subarray((2 * row + 1) * width, (2 * row + 2) * width), row * width);
    }
    return { image, invvar };
  }

  async close(): Promise<void> {
    await this.#reader.close();
    await this.#file.abort();
  }
}
