/** .npz: a zip archive of .npy arrays, as numpy.savez and numpy.savez_compressed write them. */
import { crc32, deflateRawSync, inflateRawSync } from 'node:zlib';
import { ArcletError } from '../core/errors.ts';
import { readInput, writeFileAtomic } from './atomic.ts';
import { decodeNpy, encodeNpy, type NpyArray } from './npy.ts';

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const STORED = 0;
const DEFLATED = 8;
/** Sizes and offsets of a plain zip are 32 bit. */
const LIMIT = 0xffffffff;
/** 1 January 1980, the zip epoch: the same arrays always give the same bytes. */
const DOS_DATE = 0x0021;

interface Entry {
  name: Uint8Array;
  method: number;
  crc: number;
  size: number;
  body: Uint8Array[];
  bodySize: number;
  offset: number;
}

/**
 * Writes named arrays, atomically.
 *
 * @param compress deflate the members (level 1: stamps hardly compress, and slower levels gain under 2 %)
 * @throws OUTPUT_UNWRITABLE; also when the archive would pass the 4 GiB that a plain zip can address
 */
export async function writeNpz(
  path: string,
  arrays: Readonly<Record<string, NpyArray>>,
  { compress = false } = {},
): Promise<void> {
  await writeFileAtomic(path, encodeNpz(path, arrays, compress));
}

/** The bytes of an archive; `label` names it in messages. Throws as {@link writeNpz}. */
export function npzBytes(label: string, arrays: Readonly<Record<string, NpyArray>>, { compress = false } = {}): Uint8Array {
  return Buffer.concat([...encodeNpz(label, arrays, compress)]);
}

function* encodeNpz(path: string, arrays: Readonly<Record<string, NpyArray>>, compress: boolean): Generator<Uint8Array> {
  const entries: Entry[] = [];
  let offset = 0;
  for (const [name, array] of Object.entries(arrays)) {
    const entry = encodeEntry(name, array, compress, offset);
    const next = offset + 30 + entry.name.length + entry.bodySize;
    if (next > LIMIT || entry.size > LIMIT) {
      throw new ArcletError(
        'OUTPUT_UNWRITABLE',
        `${path} would be ${(next / 2 ** 30).toFixed(1)} GiB at '${name}', an .npz holds 4 GiB.`,
        {
          subject: path,
          remedy: 'Write fewer rows per file, or .fits.',
        },
      );
    }
    const header = new Uint8Array(30);
    const view = new DataView(header.buffer);
    view.setUint32(0, LOCAL, true);
    fields(view, 4, entry);
    yield header;
    yield entry.name;
    yield* entry.body;
    entries.push({ ...entry, body: [] });
    offset = next;
  }
  const start = offset;
  for (const entry of entries) {
    const record = new Uint8Array(46);
    const view = new DataView(record.buffer);
    view.setUint32(0, CENTRAL, true);
    view.setUint16(4, 20, true);
    fields(view, 6, entry);
    view.setUint32(42, entry.offset, true);
    yield record;
    yield entry.name;
    offset += record.length + entry.name.length;
  }
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, END, true);
  end.setUint16(8, entries.length, true);
  end.setUint16(10, entries.length, true);
  end.setUint32(12, offset - start, true);
  end.setUint32(16, start, true);
  yield new Uint8Array(end.buffer);
}

function encodeEntry(name: string, array: NpyArray, compress: boolean, offset: number): Entry {
  const parts = encodeNpy(array);
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  const crc = parts.reduce((value, part) => crc32(part, value), 0);
  const body = compress ? [new Uint8Array(deflateRawSync(Buffer.concat(parts), { level: 1 }))] : parts;
  const bodySize = body.reduce((sum, part) => sum + part.length, 0);
  return {
    name: new TextEncoder().encode(`${name}.npy`),
    method: compress ? DEFLATED : STORED,
    crc,
    size,
    body,
    bodySize,
    offset,
  };
}

/** The fields that a local header and a central record share, from `at`. */
function fields(view: DataView, at: number, entry: Entry): void {
  view.setUint16(at, 20, true);
  view.setUint16(at + 4, entry.method, true);
  view.setUint16(at + 8, DOS_DATE, true);
  view.setUint32(at + 10, entry.crc, true);
  view.setUint32(at + 14, entry.bodySize, true);
  view.setUint32(at + 18, entry.size, true);
  view.setUint16(at + 22, entry.name.length, true);
}

/** Reads every array of an .npz. Throws INPUT_UNREADABLE or INPUT_INVALID. */
export async function readNpz(path: string): Promise<Record<string, NpyArray>> {
  return decodeNpz(await readInput(path), path);
}

/** Reads every array of an .npz in memory; `label` names it in errors. Throws INPUT_INVALID. */
export function decodeNpz(bytes: Uint8Array, label: string): Record<string, NpyArray> {
  const bad = (why: string, cause?: unknown) =>
    new ArcletError('INPUT_INVALID', `${label} is not a readable .npz: ${why}.`, {
      subject: label,
      remedy: 'Write it again with numpy.savez.',
      cause,
    });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // The end record is last but for a comment of at most 65535 bytes.
  let end = bytes.length - 22;
  while (end >= Math.max(0, bytes.length - 22 - 0xffff) && view.getUint32(end, true) !== END) end--;
  if (end < 0 || view.getUint32(end, true) !== END) throw bad('it has no zip directory');
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  const arrays: Record<string, NpyArray> = {};
  for (let index = 0; index < count; index++) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== CENTRAL)
      throw bad(`its directory breaks off at member ${index} of ${count}`);
    const method = view.getUint16(at + 10, true);
    const crc = view.getUint32(at + 16, true);
    const [packed, size] = [view.getUint32(at + 20, true), view.getUint32(at + 24, true)];
    const nameEnd = at + 46 + view.getUint16(at + 28, true);
    const name = new TextDecoder().decode(bytes.subarray(at + 46, nameEnd));
    const local = view.getUint32(at + 42, true);
    at = nameEnd + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    if (packed === LIMIT || size === LIMIT || local === LIMIT) throw bad(`member '${name}' is in the zip64 format`);
    if (local + 30 > bytes.length || view.getUint32(local, true) !== LOCAL) throw bad(`member '${name}' has no header`);
    const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    if (start + packed > bytes.length) throw bad(`member '${name}' is cut off`);
    if (method !== STORED && method !== DEFLATED) throw bad(`member '${name}' is packed by method ${method}`);
    const raw = bytes.subarray(start, start + packed);
    let body: Uint8Array = raw;
    try {
      // maxOutputLength: a hostile member must not unpack to more than it says.
      if (method === DEFLATED) body = inflateRawSync(raw, { maxOutputLength: Math.max(size, 1) });
    } catch (cause) {
      throw bad(`member '${name}' does not unpack`, cause);
    }
    if (body.length !== size || crc32(body) !== crc) throw bad(`member '${name}' fails its checksum`);
    arrays[name.replace(/\.npy$/, '')] = decodeNpy(body, `${label}:${name}`);
  }
  return arrays;
}
