/** Rows of images and of their inverse variances on the disk while a file is made of them: its header wants to know all of them first. */
import { readSync } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { type AtomicFile, openAtomicFile } from '../../../io/atomic.ts';

/** Rows of `width` pixels and their inverse variances, 0 where there is no data. */
export interface SpoolRows {
  readonly image: Float32Array;
  readonly invvar: Float32Array;
}

const FLOAT = 4;

/** A temporary file of rows of any number of images, one after the other: however many they are, it takes two file handles. */
export class Spool {
  readonly #file: AtomicFile;
  readonly #reader: FileHandle;
  #length = 0;

  private constructor(file: AtomicFile, reader: FileHandle) {
    this.#file = file;
    this.#reader = reader;
  }

  /**
   * Begins a file beside `place`, which is never made. It has no name once it is open, so that nothing is left of it however the process ends.
   *
   * @throws OUTPUT_UNWRITABLE
   */
  static async open(place: string): Promise<Spool> {
    const file = await openAtomicFile(place);
    try {
      const reader = await open(file.temporary);
      // File systems that keep names of open files lose them when the spool is closed.
      await rm(file.temporary, { force: true }).catch(() => undefined);
      return new Spool(file, reader);
    } catch (error) {
      await file.abort();
      throw error;
    }
  }

  /** Begins an image after all that was written; the one before is complete. */
  image(width: number): SpooledImage {
    return new SpooledImage(width, this.#length, (bytes) => this.#write(bytes), (bytes, from) => this.#read(bytes, from)); // biome-ignore format: one line
  }

  async close(): Promise<void> {
    await this.#reader.close();
    await this.#file.abort();
  }

  async #write(bytes: Uint8Array): Promise<void> {
    await this.#file.write(bytes);
    this.#length += bytes.length;
  }

  /** Without waiting: the rows were written a moment ago, and what is asked for is read once. */
  #read(bytes: Uint8Array, from: number): void {
    for (let at = 0; at < bytes.length; ) {
      const bytesRead = readSync(this.#reader.fd, bytes, at, bytes.length - at, from + at);
      if (bytesRead === 0) throw new Error(`${this.#file.temporary} was cut off.`);
      at += bytesRead;
    }
  }
}

/** An image in a spool. */
export class SpooledImage {
  readonly width: number;
  readonly #start: number;
  readonly #write: (bytes: Uint8Array) => Promise<void>;
  readonly #read: (bytes: Uint8Array, from: number) => void;

  constructor(
    width: number,
    start: number,
    write: (bytes: Uint8Array) => Promise<void>,
    read: (bytes: Uint8Array, from: number) => void,
  ) {
    this.width = width;
    this.#start = start;
    this.#write = write;
    this.#read = read;
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
    await this.#write(new Uint8Array(both.buffer));
  }

  rows(y0: number, count: number): SpoolRows {
    const { width } = this;
    const both = new Float32Array(2 * count * width);
    this.#read(new Uint8Array(both.buffer), this.#start + 2 * FLOAT * width * y0);
    const image = new Float32Array(count * width);
    const invvar = new Float32Array(count * width);
    for (let row = 0; row < count; row++) {
      image.set(both.subarray(2 * row * width, (2 * row + 1) * width), row * width);
      invvar.set(both.subarray((2 * row + 1) * width, (2 * row + 2) * width), row * width);
    }
    return { image, invvar };
  }
}
