/**
 * Where the chunks of a dataset lie, in files of the earliest format (what h5py writes by default, so every UVH5 file seen): superblock
 * 0 or 1, groups as symbol tables, version 1 object headers and B-trees (HDF5 File Format Specification 3.0, III.A and IV).
 * The library has no call for it in h5wasm, and without it chunks of filters that the library lacks cannot be read.
 */
import type { ByteSource } from '../store/source.ts';

export interface Chunk {
  /** First element of the chunk along each axis. */
  readonly offset: readonly number[];
  /** Bytes in the file. */
  readonly size: number;
  readonly filterMask: number;
  readonly address: number;
}

const SYMBOL_TABLE = 0x11;
const LAYOUT = 0x08;
const CONTINUATION = 0x10;
const CHUNKED = 2;

/** More levels, messages or nodes than any file has are a circle. */
const MOST_LEVELS = 32;
const MOST_MESSAGES = 4096;

class Reader {
  readonly #source: ByteSource;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  async view(offset: number, length: number): Promise<DataView> {
    const bytes = await this.#source.read(offset, length);
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Throws unless the four letters stand there. */
  async signed(offset: number, length: number, signature: string): Promise<DataView> {
    const view = await this.view(offset, length);
    const found = String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset, 4));
    if (found !== signature) throw new Error(`byte ${offset} has ${JSON.stringify(found)} where ${signature} is expected`);
    return view;
  }
}

const address = (view: DataView, at: number): number => Number(view.getBigUint64(at, true));

/**
 * The chunks of the dataset at an absolute path without links. Gives undefined where the file, or the dataset, is of a later format.
 * Throws an Error, or INPUT_INVALID from the source, where the structures do not hold together.
 */
export async function chunksOf(source: ByteSource, path: string, rank: number): Promise<Chunk[] | undefined> {
  const reader = new Reader(source);
  const superblock = await reader.view(0, 96);
  const version = superblock.getUint8(8);
  const hasWideOffsets = superblock.getUint8(13) === 8 && superblock.getUint8(14) === 8;
  if (version > 1 || !hasWideOffsets) return undefined;
  const start = version === 1 ? 28 : 24;
  if (address(superblock, start) !== 0) return undefined;
  let header: number | undefined = address(superblock, start + 40);
  for (const name of path.split('/').filter((part) => part !== '')) {
    header = await memberOf(reader, header, name);
    if (header === undefined) return undefined;
  }
  const layout = (await messagesOf(reader, header))?.find(({ type }) => type === LAYOUT)?.view;
  if (layout === undefined || layout.getUint8(0) !== 3 || layout.getUint8(1) !== CHUNKED || layout.getUint8(2) !== rank + 1)
    return undefined;
  const chunks: Chunk[] = [];
  const root = address(layout, 3);
  // No chunk was ever written.
  if (root === Number(0xffff_ffff_ffff_ffffn)) return chunks;
  await collectChunks(reader, root, rank, chunks, source.size);
  return chunks;
}

/** Messages of an object header; undefined where it is of version 2. */
async function messagesOf(reader: Reader, header: number): Promise<{ type: number; view: DataView }[] | undefined> {
  const prefix = await reader.view(header, 16);
  if (prefix.getUint8(0) !== 1) return undefined;
  const messages: { type: number; view: DataView }[] = [];
  const blocks = [{ offset: header + 16, length: prefix.getUint32(8, true) }];
  for (let block = blocks.shift(); block !== undefined; block = blocks.shift()) {
    const view = await reader.view(block.offset, block.length);
    for (let at = 0; at + 8 <= block.length; ) {
      const [type, size] = [view.getUint16(at, true), view.getUint16(at + 2, true)];
      if (at + 8 + size > block.length || messages.length > MOST_MESSAGES)
        throw new Error(`the object at byte ${header} is damaged`);
      const body = new DataView(view.buffer, view.byteOffset + at + 8, size);
      if (type === CONTINUATION) blocks.push({ offset: address(body, 0), length: address(body, 8) });
      messages.push({ type, view: body });
      at += 8 + size;
    }
  }
  return messages;
}

/** Object header of a member of a group; undefined where it is not there or the group is of a later format. */
async function memberOf(reader: Reader, group: number, name: string): Promise<number | undefined> {
  const table = (await messagesOf(reader, group))?.find(({ type }) => type === SYMBOL_TABLE)?.view;
  if (table === undefined) return undefined;
  const heap = await reader.signed(address(table, 8), 32, 'HEAP');
  const names = await reader.view(address(heap, 24), address(heap, 8));
  for (const node of await symbolNodes(reader, address(table, 0), 0)) {
    const count = (await reader.signed(node, 8, 'SNOD')).getUint16(6, true);
    const entries = await reader.view(node + 8, 40 * count);
    for (let entry = 0; entry < count; entry++) {
      const at = address(entries, 40 * entry);
      if (hasName(names, at, name)) return address(entries, 40 * entry + 8);
    }
  }
  return undefined;
}

function hasName(names: DataView, at: number, name: string): boolean {
  const wanted = new TextEncoder().encode(`${name}\0`);
  if (at + wanted.byteLength > names.byteLength) return false;
  return wanted.every((byte, index) => names.getUint8(at + index) === byte);
}

/** Addresses of the symbol table nodes below a B-tree node of groups. */
async function symbolNodes(reader: Reader, node: number, depth: number): Promise<number[]> {
  const head = await reader.signed(node, 24, 'TREE');
  const [level, count] = [head.getUint8(5), head.getUint16(6, true)];
  if (depth > MOST_LEVELS || head.getUint8(4) !== 0) throw new Error(`the group at byte ${node} is damaged`);
  const body = await reader.view(node + 24, 16 * count);
  const children = Array.from({ length: count }, (_, index) => address(body, 16 * index + 8));
  if (level === 0) return children;
  return (await Promise.all(children.map((child) => symbolNodes(reader, child, depth + 1)))).flat();
}

async function collectChunks(reader: Reader, root: number, rank: number, chunks: Chunk[], fileBytes: number): Promise<void> {
  const keyBytes = 8 + 8 * (rank + 1);
  const seen = new Set<number>();
  const walk = async (node: number): Promise<void> => {
    if (seen.has(node)) throw new Error('its chunks go in circles');
    seen.add(node);
    const head = await reader.signed(node, 24, 'TREE');
    const [level, count] = [head.getUint8(5), head.getUint16(6, true)];
    if (head.getUint8(4) !== 1) throw new Error(`the chunk tree at byte ${node} is damaged`);
    const body = await reader.view(node + 24, count * (keyBytes + 8));
    for (let entry = 0; entry < count; entry++) {
      const key = entry * (keyBytes + 8);
      const child = address(body, key + keyBytes);
      if (level > 0) await walk(child);
      else {
        const offset = Array.from({ length: rank }, (_, axis) => address(body, key + 8 + 8 * axis));
        chunks.push({ offset, size: body.getUint32(key, true), filterMask: body.getUint32(key + 4, true), address: child });
      }
      if (chunks.length > fileBytes) throw new Error('it has more chunks than bytes');
    }
  };
  await walk(root);
}
