/** What an HDF5 bank says of its templates beside the images. */
import { type Hdf5File, openHdf5 } from '../../../io/hdf5.ts';

export interface BankFacts {
  /** Name and value, as text. */
  readonly attributes: readonly (readonly [name: string, value: string])[];
  /** By template; undefined where the bank does not say. */
  readonly snr?: Float64Array;
  readonly segmentArea?: Float64Array;
  readonly source?: readonly string[];
}

/** Nothing for .npz and .npy. Throws as openHdf5. */
export async function bankFacts(location: string): Promise<BankFacts> {
  if (/\.np[yz]$/i.test(location)) return { attributes: [] };
  const file = await openHdf5(location);
  try {
    const attributes = Object.entries(file.attributes('/')).map(([name, value]) => [name, textOf(value)] as const);
    return {
      attributes,
      snr: await numbers(file, 'meta/snr'),
      segmentArea: await numbers(file, 'meta/segment_area'),
      source: await words(file, 'meta/source'),
    };
  } finally {
    await file.close();
  }
}

const has = (file: Hdf5File, path: string): boolean => file.datasets.some((name) => name.replace(/^\//, '') === path);

async function numbers(file: Hdf5File, path: string): Promise<Float64Array | undefined> {
  const values = has(file, path) ? await file.dataset(path).read() : undefined;
  return values === undefined || Array.isArray(values) ? undefined : Float64Array.from(values as ArrayLike<number>, Number);
}

async function words(file: Hdf5File, path: string): Promise<readonly string[] | undefined> {
  const values = has(file, path) ? await file.dataset(path).read() : undefined;
  return Array.isArray(values) ? values : undefined;
}

function textOf(value: unknown): string {
  return ArrayBuffer.isView(value) ? String(Array.from(value as unknown as ArrayLike<unknown>)) : String(value);
}
