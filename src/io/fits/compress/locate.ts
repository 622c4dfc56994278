/** Where the tiles of a compressed image lie in its file, and their bytes. */
import type { ByteSource } from '../../store/source.ts';
import { checkRange } from '../../store/source.ts';
import type { CompressedImageInfo } from './info.ts';
import { descriptorAt, numberAt, type TableColumn } from './table.ts';
import { checkTileSize, type TileKind } from './tile.ts';
import { type CompressedHdu, damaged, NULL_VALUE, product, type RawPixels } from './types.ts';
import { type Unquantizer, unquantizer } from './unquantize.ts';

/** What a reading cost; counts are added to what is there. */
export interface ReadReport {
  /** Tiles decoded. */
  tiles: number;
  /** Bytes fetched from the source. */
  bytes: number;
}

/** Fetches this close together are one; and none is larger, unless a single tile is. */
const JOIN_GAP_BYTES = 4096;
const JOIN_MOST_BYTES = 4 * 2 ** 20;
/** A tile and where it lies. */
export interface WantedTile {
  readonly index: number;
  /** First pixel and size, cut at the image's edge; slowest axis first. */
  readonly start: number[];
  readonly shape: number[];
  readonly kind: TileKind;
  readonly column: TableColumn;
  /** From the start of the source. */
  readonly offset: number;
  readonly bytes: number;
  readonly scale: number;
  readonly zero: number;
  /** Integer of undefined pixels. Without ZBLANK it is the reserved value, which a lossy codec (HCOMPRESS) may make of anything. */
  readonly blank: number | undefined;
}

const SOURCES: readonly [TileKind, string][] = [
  ['compressed', 'COMPRESSED_DATA'],
  ['gzip', 'GZIP_COMPRESSED_DATA'],
  ['uncompressed', 'UNCOMPRESSED_DATA'],
];

/** Reads row `index` of the table, which starts at `row` of `view`. Throws INPUT_INVALID where it points outside the heap or at nothing. */
export function locateTile(
  hdu: CompressedHdu,
  info: CompressedImageInfo,
  view: DataView,
  row: number,
  index: number,
  place: readonly number[],
): WantedTile {
  const subject = `${hdu.source.name}, tile ${index}`;
  const { columns, heapOffset, heapBytes } = info.table;
  const start = place.map((at, axis) => at * info.tileShape[axis]);
  const shape = start.map((from, axis) => Math.min(info.tileShape[axis], info.shape[axis] - from));
  for (const [kind, columnName] of SOURCES) {
    const column = columns[columnName];
    const descriptor = descriptorAt(view, row, column);
    if (column === undefined || descriptor === undefined || descriptor.count === 0) continue;
    const bytes = descriptor.count * column.elementBytes;
    if (!(descriptor.offset + bytes <= heapBytes)) {
      throw damaged(
        subject,
        `bytes ${descriptor.offset} to ${descriptor.offset + bytes} are not in a heap of ${heapBytes} bytes`,
        { ...descriptor, heapBytes },
      );
    }
    checkTileSize(info, kind, bytes, product(shape), subject);
    return {
      index,
      start,
      shape,
      kind,
      column,
      offset: hdu.dataOffset + heapOffset + descriptor.offset,
      bytes,
      scale: numberAt(view, row, columns.ZSCALE) ?? info.zscale ?? 1,
      zero: numberAt(view, row, columns.ZZERO) ?? info.zzero ?? 0,
      blank: numberAt(view, row, columns.ZBLANK) ?? info.zblank ?? (info.codec === 'HCOMPRESS_1' ? undefined : NULL_VALUE),
    };
  }
  throw damaged(subject, 'no column of the table holds this tile');
}

/** A tile with its bytes. */
export interface FetchedTile extends WantedTile {
  readonly body: Uint8Array;
}

/** Bytes of tiles, near ones in one read, in rising order of offset. */
export async function* fetchTiles(
  source: ByteSource,
  wanted: readonly WantedTile[],
  report: ReadReport | undefined,
): AsyncGenerator<FetchedTile[]> {
  const sorted = wanted.toSorted((a, b) => a.offset - b.offset);
  for (let first = 0; first < sorted.length; ) {
    const from = sorted[first].offset;
    let end = from + sorted[first].bytes;
    let next = first + 1;
    for (; next < sorted.length; next++) {
      const reach = Math.max(end, sorted[next].offset + sorted[next].bytes);
      if (sorted[next].offset > end + JOIN_GAP_BYTES || reach - from > JOIN_MOST_BYTES) break;
      end = reach;
    }
    const fetched = await source.read(from, end - from);
    if (report !== undefined) report.bytes += fetched.length;
    yield sorted
      .slice(first, next)
      .map((tile) => ({ ...tile, body: fetched.subarray(tile.offset - from, tile.offset - from + tile.bytes) }));
    first = next;
  }
}

/** Throws INPUT_INVALID unless table and heap lie in the data unit, and the data unit in the file. */
export function checkHeap(hdu: CompressedHdu, info: CompressedImageInfo): void {
  const { heapOffset, heapBytes } = info.table;
  if (heapOffset + heapBytes > hdu.dataBytes) {
    throw damaged(
      hdu.source.name,
      `the table and its heap take ${heapOffset + heapBytes} bytes, and the data unit has ${hdu.dataBytes}`,
    );
  }
  checkRange(hdu.source, hdu.dataOffset, heapOffset + heapBytes);
}

/** What turns the integers of a tile into floats; undefined where they are the pixels already. */
export function unquantizerOf(info: CompressedImageInfo, tile: WantedTile): Unquantizer | undefined {
  return info.quantize !== 'NONE' && tile.kind === 'compressed'
    ? unquantizer(info.quantize, tile.scale, tile.zero, tile.index, info.dither0, tile.blank)
    : undefined;
}

/** Throws INPUT_INVALID where a tile holds 64-bit integers and the image does not, or the other way round. */
export function checkWidth(info: CompressedImageInfo, values: RawPixels, subject: string): void {
  if (values instanceof BigInt64Array !== (info.bitpix === 64)) {
    throw damaged(subject, `its pixels have ${values.BYTES_PER_ELEMENT} bytes, and ZBITPIX is ${info.bitpix}`);
  }
}
