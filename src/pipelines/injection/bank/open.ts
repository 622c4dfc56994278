/**
 * Template banks, read: HDF5 as the originals write them (`images` of (N, H, W), `meta/hlr_arcsec`, attribute `src_pixscale_arcsec`),
 * .npz with the same names, or .npy with the images alone.
 */
import { ArcletError } from '../../../core/errors.ts';
import { type Hdf5File, openBank, openHdf5 } from '../../../io/hdf5.ts';
import { decodeNpy, type NpyArray } from '../../../io/npy.ts';
import { decodeNpz } from '../../../io/npz.ts';
import { openSource } from '../../../io/store/store.ts';

export interface InjectionBank {
  readonly location: string;
  readonly count: number;
  /** Pixels along an edge of a template. */
  readonly side: number;
  /** What the bank says of its pixels, arcsec; undefined where it says nothing. */
  readonly pixscaleArcsec: number | undefined;
  /**
   * The templates of these indices one after the other, side * side pixels each, every one with unit sum (summed in float64).
   * Throws USAGE for an index outside the bank; INPUT_INVALID, with `index` in its data, for a template that is not finite or whose sum
   * is not positive.
   */
  images(indices: readonly number[]): Promise<Float32Array>;
  /** Half-light radius that the bank gives for a template, arcsec; undefined where it gives none. */
  hlrArcsec(index: number): number | undefined;
  close(): Promise<void>;
}

/** The parts of a bank, whatever file they came from. */
interface Parts {
  shape: readonly number[];
  pixscaleArcsec: number | undefined;
  hlr: ArrayLike<number> | undefined;
  read(index: number): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * Opens a bank: path or s3://. HDF5 is read as templates are asked for; .npz and .npy are held in memory.
 *
 * @throws INPUT_UNREADABLE when it is not there; INPUT_INVALID when its images are not (N, H, H) floats or their meta of another length;
 * BANK_EMPTY without templates
 */
export async function openTemplateBank(location: string): Promise<InjectionBank> {
  const parts = await openParts(location);
  try {
    checkParts(location, parts);
  } catch (error) {
    await parts.close();
    throw error;
  }
  const [count, side] = parts.shape;
  return {
    location,
    count,
    side,
    pixscaleArcsec: parts.pixscaleArcsec,
    async images(indices) {
      const wrong = indices.find((index) => !(Number.isInteger(index) && index >= 0 && index < count));
      if (wrong !== undefined) {
        throw new ArcletError('USAGE', `${location} has ${count} templates and no number ${wrong}.`, {
          subject: location,
          remedy: `Give a number from 0 to ${count - 1}.`,
        });
      }
      const templates = await Promise.all(indices.map((index) => parts.read(index)));
      const out = new Float32Array(indices.length * side * side);
      templates.forEach((template, at) => {
        unitSum(location, indices[at], template, out.subarray(at * side * side, (at + 1) * side * side));
      });
      return out;
    },
    hlrArcsec(index) {
      const value = parts.hlr?.[index];
      return value !== undefined && Number.isFinite(value) ? value : undefined;
    },
    close: () => parts.close(),
  };
}

async function openParts(location: string): Promise<Parts> {
  const ending = /\.np[yz]$/i.exec(location)?.[0].toLowerCase();
  if (ending === undefined) return hdf5Parts(location);
  const source = await openSource(location);
  try {
    const bytes = await source.read(0, source.size);
    return arrayParts(location, ending === '.npy' ? { images: decodeNpy(bytes, location) } : decodeNpz(bytes, location));
  } finally {
    await source.close();
  }
}

async function hdf5Parts(location: string): Promise<Parts> {
  const file = await openHdf5(location);
  try {
    const bank = openBank(file);
    const hlr = file.datasets.some((path) => path.replace(/^\//, '') === 'meta/hlr_arcsec')
      ? await file.dataset('meta/hlr_arcsec').read()
      : undefined;
    return {
      shape: [bank.count, ...bank.shape],
      pixscaleArcsec: numberOf(pixscaleAttribute(file)),
      hlr: hlr === undefined || Array.isArray(hlr) ? undefined : Float64Array.from(hlr as ArrayLike<number>, Number),
      read: (index) => bank.read(index),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** On the file, as the originals have it, or on the images. */
function pixscaleAttribute(file: Hdf5File): unknown {
  return file.attributes('/').src_pixscale_arcsec ?? file.attributes('images').src_pixscale_arcsec;
}

function arrayParts(location: string, arrays: Readonly<Record<string, NpyArray>>): Parts {
  const { images } = arrays;
  if (images === undefined) {
    throw new ArcletError('INPUT_INVALID', `${location} has no array called images.`, {
      subject: location,
      remedy: `Save the templates under that name; it has ${Object.keys(arrays).join(', ') || 'nothing'}.`,
    });
  }
  const { data, shape } = images;
  if (!(data instanceof Float32Array || data instanceof Float64Array)) {
    throw new ArcletError('INPUT_INVALID', `The images of ${location} are no floats.`, {
      subject: location,
      remedy: 'Save them as float32.',
    });
  }
  const length = shape.slice(1).reduce((a, b) => a * b, 1);
  return {
    shape,
    pixscaleArcsec: numberOf(arrays.src_pixscale_arcsec?.data),
    hlr: (arrays['meta/hlr_arcsec'] ?? arrays.hlr_arcsec)?.data,
    read: async (index) => Float32Array.from(data.subarray(index * length, (index + 1) * length)),
    close: async () => undefined,
  };
}

function numberOf(value: unknown): number | undefined {
  const first = ArrayBuffer.isView(value) || Array.isArray(value) ? (value as ArrayLike<unknown>)[0] : value;
  const number = typeof first === 'number' || typeof first === 'bigint' || typeof first === 'string' ? Number(first) : Number.NaN;
  return number > 0 && Number.isFinite(number) ? number : undefined;
}

function checkParts(location: string, { shape, hlr }: Parts): void {
  const [count, height, width] = shape;
  if (count === 0) {
    throw new ArcletError('BANK_EMPTY', `${location} holds no template.`, {
      subject: location,
      remedy: 'Name a bank with templates.',
    });
  }
  const why =
    shape.length !== 3 || height !== width || height < 2
      ? `images of the shape [${shape}]`
      : hlr !== undefined && hlr.length !== count
        ? `${count} templates and ${hlr.length} values of meta/hlr_arcsec`
        : undefined;
  if (why === undefined) return;
  throw new ArcletError('INPUT_INVALID', `${location} has ${why}, which is no bank of square templates.`, {
    subject: location,
    remedy: 'Give images of (templates, side, side), or make a bank with `arclet inject bank build`.',
  });
}

function unitSum(location: string, index: number, template: Float32Array, out: Float32Array): void {
  let sum = 0;
  for (const value of template) sum += value;
  if (!(sum > 0) || !Number.isFinite(sum)) {
    const what = Number.isFinite(sum) ? `sums to ${sum}` : 'holds values that are not finite';
    throw new ArcletError('INPUT_INVALID', `Template ${index} of ${location} ${what}.`, {
      subject: location,
      remedy: 'Leave it out, or build the bank with `arclet inject bank build`, which rejects such templates.',
      data: { index },
    });
  }
  for (let pixel = 0; pixel < template.length; pixel++) out[pixel] = template[pixel] / sum;
}
