/** h5wasm, loaded once, with its diagnostics caught: libhdf5 prints a page to stderr for every failed call. */
import { ArcletError } from '../../core/errors.ts';

export type Hdf5Library = typeof import('h5wasm/node');

/** A character device, as Emscripten's file system counts modes. */
const CHARACTER_DEVICE = 0o020666;

/** What of Emscripten's stream is used; h5wasm's types leave it out. */
interface Stream {
  node?: { mode: number };
  stream_ops?: { write(stream: Stream, buffer: Uint8Array, offset: number, length: number): number };
}

let diagnostics = '';
let loading: Promise<Hdf5Library> | undefined;

/** Loads h5wasm at the first call. Throws INPUT_UNREADABLE when it is not installed. */
export function loadLibrary(): Promise<Hdf5Library> {
  loading ??= load();
  return loading;
}

async function load(): Promise<Hdf5Library> {
  let library: Hdf5Library;
  try {
    library = await import('h5wasm/node');
    await library.ready;
  } catch (cause) {
    throw new ArcletError('INPUT_UNREADABLE', 'HDF5 needs the package h5wasm, which cannot be loaded.', {
      subject: 'h5wasm',
      remedy: 'Run `npm install h5wasm`.',
      cause,
    });
  }
  const stderr = (library.Module.FS as unknown as { getStream(fd: number): Stream | null }).getStream(2);
  if (stderr !== null) {
    stderr.node = { mode: CHARACTER_DEVICE };
    stderr.stream_ops = {
      write(_, buffer, offset, length) {
        diagnostics += new TextDecoder().decode(buffer.subarray(offset, offset + length));
        return length;
      },
    };
  }
  return library;
}

/** The innermost reason of the diagnostics since the last call: `required filter 'lzf' is not registered`. */
export function takeDiagnostics(): string | undefined {
  const reasons = [...diagnostics.matchAll(/^ *#\d+: .*?\): (.*)$/gm)].map((match) => match[1]);
  diagnostics = '';
  return reasons.at(-1);
}
