/**
 * Datasets of HDF5 files. h5wasm's own reading methods return memory as it happens to be when a read fails (4e-39 for 1.0 behind an
 * unknown filter): here every read checks its filters first and the library's status after.
 */
import type { Dataset, Metadata } from 'h5wasm/node';
import { ArcletError } from '../../core/errors.ts';
import type { ByteSource } from '../store/source.ts';
import { type Chunk, chunksOf } from './chunk-index.ts';
import { filterName, inLibrary, isUnknown, undoneHere, unfilter } from './filters.ts';
import { type Hdf5Library, takeDiagnostics } from './library.ts';
import { copyChunk, volume } from './slab.ts';
import { type Hdf5Type, type Hdf5Values, isBigEndian, swapWords, toNumbers, typeOf, wordBytes } from './values.ts';

export interface Hdf5Dataset {
  readonly path: string;
  /** Empty for a scalar. */
  readonly shape: readonly number[];
  readonly type: Hdf5Type;
  /** Undefined where it is not chunked. */
  readonly chunks: readonly number[] | undefined;
  /** Names of its filters, in the order in which they were applied. */
  readonly filters: readonly string[];
  /** Everything, at most 1 GiB. Throws as {@link slice}. */
  read(): Promise<Hdf5Values>;
  /**
   * The box of `count` elements from `start` along each axis, in C order.
   * Throws USAGE for a box outside of the dataset or larger than 1 GiB; INPUT_INVALID where the bytes are damaged or behind a filter that
   * is not known, with its name.
   */
  slice(start: readonly number[], count: readonly number[]): Promise<Hdf5Values>;
}

/** One slice must fit into the library's 2 GiB of memory, which are not all free. */
const LARGEST_SLICE = 2 ** 30;

/** A dataset of an open file. The constructor throws an Error where its type is not read. */
export class OpenDataset implements Hdf5Dataset {
  readonly path: string;
  readonly shape: readonly number[];
  readonly type: Hdf5Type;
  readonly chunks: readonly number[] | undefined;
  readonly filters: readonly string[];
  readonly #file: string;
  readonly #metadata: Metadata;
  readonly #dataset: Dataset;
  readonly #library: Hdf5Library;
  readonly #source: ByteSource;
  readonly #damaged: (where: string, cause: unknown) => ArcletError;
  #index: Promise<Chunk[] | undefined> | undefined;

  constructor(
    file: string,
    path: string,
    dataset: Dataset,
    library: Hdf5Library,
    source: ByteSource,
    damaged: (where: string, cause: unknown) => ArcletError,
  ) {
    const metadata = dataset.metadata;
    const type = typeOf(metadata);
    if (type === undefined) throw new Error(`its type (class ${metadata.type}, ${metadata.size} bytes) is not read`);
    if (metadata.shape === null) throw new Error('it is empty');
    this.path = path;
    this.shape = metadata.shape;
    this.type = type;
    this.chunks = metadata.chunks ?? undefined;
    this.filters = dataset.filters.map(filterName);
    this.#file = file;
    this.#metadata = metadata;
    this.#dataset = dataset;
    this.#library = library;
    this.#source = source;
    this.#damaged = damaged;
  }

  read(): Promise<Hdf5Values> {
    return this.slice(
      this.shape.map(() => 0),
      this.shape,
    );
  }

  async slice(start: readonly number[], count: readonly number[]): Promise<Hdf5Values> {
    this.#checkBox(start, count);
    const { filters } = this.#dataset;
    try {
      if (inLibrary(filters)) return this.type === 'string' ? this.#strings(start, count) : this.#fromLibrary(start, count);
      const values = undoneHere(filters) && this.type !== 'string' ? await this.#fromChunks(start, count) : undefined;
      if (values !== undefined) return values;
    } catch (cause) {
      throw this.#damaged(this.path, cause);
    }
    const unknown = filters.filter(isUnknown).map(filterName).join(', ');
    throw new ArcletError(
      'INPUT_INVALID',
      `${this.path} in ${this.#file} is compressed with ${unknown}, which is not read here.`,
      {
        subject: this.#file,
        remedy: 'Repack it with gzip: h5repack -f GZIP=4 IN OUT.',
        data: { path: this.path, filters: filters.map(({ id }) => id) },
      },
    );
  }

  #checkBox(start: readonly number[], count: readonly number[]): void {
    const { shape } = this;
    const fits =
      start.length === shape.length &&
      count.length === shape.length &&
      shape.every(
        (size, axis) =>
          Number.isSafeInteger(start[axis]) && Number.isSafeInteger(count[axis]) && start[axis] >= 0 && count[axis] >= 0 && start[axis] + count[axis] <= size, // biome-ignore format: one condition
      );
    const bytes = volume(count) * this.#metadata.size;
    if (fits && bytes <= LARGEST_SLICE) return;
    const why = fits ? `takes ${bytes} bytes of at most ${LARGEST_SLICE}` : `does not lie in its shape [${shape}]`;
    throw new ArcletError('USAGE', `The box [${start}] + [${count}] of ${this.path} in ${this.#file} ${why}.`, {
      subject: this.path,
      remedy: fits ? 'Read it in slices.' : 'Give a box within the shape.',
    });
  }

  #fromLibrary(start: readonly number[], count: readonly number[]): Hdf5Values {
    const { Module } = this.#library;
    const type = this.type as Exclude<Hdf5Type, 'string'>;
    const length = volume(count) * this.#metadata.size;
    const pointer = Module._malloc(Math.max(1, length));
    if (pointer === 0) throw new Error(`${length} bytes do not fit in the memory of the library`);
    try {
      const big = (values: readonly number[]) => values.map(BigInt);
      const isScalar = this.shape.length === 0;
      const box = isScalar || length === 0 ? null : { count: big(count), start: big(start), stride: start.map(() => 1n) };
      if (length > 0) {
        const { file_id: file, path } = this.#dataset;
        const status = Module.get_dataset_data(
          file,
          path,
          box?.count ?? null,
          box?.start ?? null,
          box?.stride ?? null,
          BigInt(pointer),
        );
        if (status < 0) throw new Error(takeDiagnostics() ?? 'the library cannot read its bytes');
      }
      // The library has turned big-endian numbers round, also within compounds.
      return toNumbers(Module.HEAPU8.slice(pointer, pointer + length), type);
    } finally {
      Module._free(pointer);
    }
  }

  #strings(start: readonly number[], count: readonly number[]): string[] {
    const ranges = start.map((first, axis) => [first, first + count[axis]] as [number, number]);
    const value = this.shape.length === 0 ? this.#dataset.value : this.#dataset.slice(ranges);
    const list = (Array.isArray(value) ? (value as unknown[]).flat(Number.POSITIVE_INFINITY) : [value]) as unknown[];
    if (list.length !== volume(count) || list.some((item) => typeof item !== 'string'))
      throw new Error('its text cannot be read');
    return list as string[];
  }

  /** Undefined where the chunks cannot be found. */
  async #fromChunks(start: readonly number[], count: readonly number[]): Promise<Hdf5Values | undefined> {
    const { chunks: shape } = this;
    if (shape === undefined) return undefined;
    this.#index ??= chunksOf(this.#source, this.path, shape.length);
    const index = await this.#index;
    if (index === undefined) return undefined;
    const type = this.type as Exclude<Hdf5Type, 'string'>;
    const { size } = this.#metadata;
    const out = new Uint8Array(volume(count) * size);
    const chunkBytes = volume(shape) * size;
    for (const chunk of index) {
      const meets = chunk.offset.every((first, axis) => first < start[axis] + count[axis] && first + shape[axis] > start[axis]);
      if (!meets) continue;
      if (chunkBytes > LARGEST_SLICE) throw new Error(`a chunk has ${chunkBytes} bytes`);
      const packed = await this.#source.read(chunk.address, chunk.size);
      const bytes = unfilter(packed, this.#dataset.filters, chunk.filterMask, chunkBytes);
      copyChunk(bytes, chunk, shape, out, start, count, size);
    }
    if (isBigEndian(this.#metadata)) swapWords(out, wordBytes(type));
    return toNumbers(out, type);
  }
}
