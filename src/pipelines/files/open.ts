/** Files by path or `s3://`, with what was read of them counted, and HDUs by number or name. */
import { ArcletError } from '../../core/errors.ts';
import { type FitsFile, type FitsHdu, openFits } from '../../io/fits/index.ts';
import type { ByteSource } from '../../io/store/source.ts';
import { openSource, openStoreOf } from '../../io/store/store.ts';

/** What was asked of a file since it was opened. */
export interface Touched {
  bytes: number;
  reads: number;
}

/** A source that counts what is read of it into `touched`. */
export function counted(source: ByteSource, touched: Touched): ByteSource {
  return {
    name: source.name,
    size: source.size,
    async read(offset, length) {
      touched.reads++;
      touched.bytes += length;
      return source.read(offset, length);
    },
    close: () => source.close(),
  };
}

/**
 * Opens a FITS file, hands it to `use`, and closes it whatever happens.
 *
 * @param location path, `file://` or `s3://`
 * @throws INPUT_UNREADABLE, INPUT_INVALID, and what `use` throws
 */
export async function withFits<T>(location: string, use: (file: FitsFile, touched: Touched) => Promise<T>): Promise<T> {
  const source = await openSource(location);
  try {
    const touched = { bytes: 0, reads: 0 };
    const file = await openFits(counted(source, touched));
    try {
      return await use(file, touched);
    } finally {
      await file.close();
    }
  } finally {
    await source.close().catch(() => undefined);
  }
}

/** The HDU that `word` names: its number, its EXTNAME, or `EXTNAME,EXTVER`. Throws INPUT_INVALID that lists what is there. */
export function hduNamed(file: FitsFile, word: string): FitsHdu {
  if (/^\d+$/.test(word)) return file.hdu(Number(word));
  const [, name, version] = /^(.*?)(?:,(\d+))?$/s.exec(word) as RegExpExecArray;
  return file.hdu(name, version === undefined ? undefined : Number(version));
}

/** True for an HDU that holds an image with at least one axis. */
export function hasImage(hdu: FitsHdu): boolean {
  return hdu.type === 'COMPRESSED_IMAGE' || ((hdu.type === 'PRIMARY' || hdu.type === 'IMAGE') && hdu.axes.length > 0);
}

export function isTable(hdu: FitsHdu): boolean {
  return hdu.type === 'BINTABLE' || hdu.type === 'TABLE';
}

/** The HDU that is asked for, or the first that `fits`. Throws INPUT_INVALID when none does. */
export function chooseHdu(file: FitsFile, word: string | undefined, fits: (hdu: FitsHdu) => boolean, what: string): FitsHdu {
  if (word !== undefined) return hduNamed(file, word);
  const found = file.hdus.find(fits);
  if (found !== undefined) return found;
  const there = file.hdus.map(({ index, type }) => `${index} ${type}`).join(', ');
  throw new ArcletError('INPUT_INVALID', `${file.source.name} holds no ${what}, its HDUs are ${there}.`, {
    subject: file.source.name,
    remedy: 'Give another file, or name the HDU where a command has --hdu.',
  });
}

/** Writes `chunks` to a path or `s3://` address, whole or not at all. Throws OUTPUT_UNWRITABLE, and what `chunks` throws. */
export async function writeTo(location: string, chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
  const { store, key } = await openStoreOf(location);
  try {
    const sink = await store.sink(key);
    try {
      for await (const chunk of chunks) await sink.write(chunk);
      await sink.finish();
    } catch (error) {
      await sink.abort();
      throw error;
    }
  } finally {
    await store.close();
  }
}

/** The ending of a path or address in small letters, with its dot: '.fits' of `s3://b/x.FITS`, '' without one. */
export function endingOf(location: string): string {
  return /\.[^./\\]*$/.exec(location)?.[0].toLowerCase() ?? '';
}
