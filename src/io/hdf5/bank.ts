/** A bank of templates in HDF5, read as they are asked for. */
import { ArcletError } from '../../core/errors.ts';
import type { Hdf5File } from './file.ts';
import { volume } from './slab.ts';

export interface TemplateBank {
  /** Templates in the bank. */
  readonly count: number;
  /** Shape of one template, C order: [rows, columns] for images. */
  readonly shape: readonly number[];
  /** Template `index` as float32. Throws as {@link Hdf5File.dataset}'s slice. */
  read(index: number): Promise<Float32Array>;
  /** `count` templates from `start`, one after the other in one array. Not kept. */
  readMany(start: number, count: number): Promise<Float32Array>;
}

export interface BankOptions {
  /** Bytes of templates kept in memory, default 256 MiB. */
  cacheBytes?: number;
}

/**
 * Opens the dataset `path` (templates along its first axis, float32 or float64) as a bank.
 * What is compressed is read by whole chunks, which are kept: the library keeps none, and inflates a chunk of 8 templates 8 times
 * (19 instead of 154 MB per CPU-second).
 * Throws BANK_EMPTY without templates, INPUT_INVALID where it is no bank.
 */
export function openBank(file: Hdf5File, path = 'images', { cacheBytes = 2 ** 28 }: BankOptions = {}): TemplateBank {
  const dataset = file.dataset(path);
  const [count, ...shape] = dataset.shape;
  if ((dataset.type !== 'float32' && dataset.type !== 'float64') || shape.length === 0) {
    throw new ArcletError(
      'INPUT_INVALID',
      `${path} in ${file.name} is ${dataset.type} of [${dataset.shape}], no bank of templates.`,
      {
        subject: file.name,
        remedy: 'Name a dataset of float32 or float64 with the templates along its first axis.',
      },
    );
  }
  if (volume(dataset.shape) === 0) {
    throw new ArcletError('BANK_EMPTY', `${path} in ${file.name} has the shape [${dataset.shape}].`, {
      subject: file.name,
      remedy: 'Name a bank with templates.',
    });
  }
  const length = volume(shape);
  const blockRows = dataset.filters.length === 0 ? 1 : (dataset.chunks?.[0] ?? 1);
  const mostBlocks = Math.max(1, Math.floor(cacheBytes / (4 * length * blockRows)));
  const blocks = new Map<number, Promise<Float32Array>>();

  async function readMany(start: number, rows: number): Promise<Float32Array> {
    const values = await dataset.slice([start, ...shape.map(() => 0)], [rows, ...shape]);
    return values instanceof Float32Array ? values : Float32Array.from(values as Float64Array);
  }

  return {
    count,
    shape,
    readMany,
    async read(index) {
      if (!(Number.isInteger(index) && index >= 0 && index < count)) {
        throw new ArcletError('USAGE', `${path} in ${file.name} has ${count} templates and no number ${index}.`, {
          subject: file.name,
          remedy: `Give a number from 0 to ${count - 1}.`,
        });
      }
      const block = Math.floor(index / blockRows);
      const found = blocks.get(block) ?? readMany(block * blockRows, Math.min(blockRows, count - block * blockRows));
      // The block used last goes to the end, the first one leaves.
      blocks.delete(block);
      blocks.set(block, found);
      if (blocks.size > mostBlocks) blocks.delete(blocks.keys().next().value as number);
      found.catch(() => blocks.delete(block));
      const at = (index - block * blockRows) * length;
      return (await found).slice(at, at + length);
    },
  };
}
