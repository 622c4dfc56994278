/** Tables for tests, and a plain form of column values that can be compared whatever holds them. */
import type { ColumnValues, TableBatch, TableSchema } from '../../src/io/table.ts';

export const EVERY_TYPE: TableSchema = {
  metadata: { config: 'a1b2' },
  columns: [
    { name: 'id', type: 'int64' },
    { name: 'stamp_r', type: 'stamp', shape: [4, 5], unit: 'nanomaggy', description: 'r band' },
    { name: 'ra', type: 'float64', unit: 'deg' },
    { name: 'mag', type: 'float32', nullable: true },
    { name: 'name', type: 'string', nullable: true },
    { name: 'ok', type: 'bool' },
    { name: 'i8', type: 'int8' },
    { name: 'u8', type: 'uint8' },
    { name: 'i16', type: 'int16', nullable: true },
    { name: 'u16', type: 'uint16' },
    { name: 'i32', type: 'int32' },
    { name: 'u32', type: 'uint32' },
    { name: 'u64', type: 'uint64' },
    { name: 'time', type: 'timestamp' },
    { name: 'night', type: 'date', nullable: true },
    { name: 'raw', type: 'bytes' },
    { name: 'spectrum', type: 'stamp', shape: [6], unit: 'Jy', storage: 'list' },
  ],
};

/** A batch of {@link EVERY_TYPE} with extremes, missing values, NaN and non-ASCII text. */
export function everyType(rows: number, seed: number): TableBatch {
  const list = <T>(value: (row: number) => T) => Array.from({ length: rows }, (_, row) => value(row));
  return {
    rows,
    columns: {
      id: BigInt64Array.from(list((row) => 9_007_199_254_740_993n * BigInt(row - seed))),
      stamp_r: Float32Array.from({ length: rows * 20 }, (_, index) => (index % 11 === 10 ? Number.NaN : Math.sin(index + seed))),
      ra: Float64Array.from(list((row) => row / 7 + seed)),
      mag: list((row) => (row % 3 ? Math.fround(20 + row / 10) : null)),
      name: list((row) => (row % 4 ? `gal ${row % 9} \u00e9\u2603` : null)),
      ok: list((row) => row % 2 === 0),
      i8: Int8Array.from(list((row) => row - 100)),
      u8: Uint8Array.from(list((row) => row)),
      i16: list((row) => (row % 7 ? -row : null)),
      u16: Uint16Array.from(list((row) => 65535 - row)),
      i32: Int32Array.from(list((row) => -(2 ** 31) + row)),
      u32: Uint32Array.from(list((row) => 2 ** 32 - 1 - row)),
      u64: BigUint64Array.from(list((row) => 2n ** 64n - 1n - BigInt(row))),
      time: BigInt64Array.from(list((row) => 1_700_000_000_123_456n + BigInt(row))),
      night: list((row) => (row % 2 ? '2024-02-29' : null)),
      raw: list((row) => Uint8Array.from([row, 1, 2].slice(0, row % 4))),
      spectrum: Float32Array.from({ length: rows * 6 }, (_, index) => Math.cos(index * seed)),
    },
  };
}

/** Values as JSON would have them, with bigint as number and NaN as text. */
export function plain(values: ColumnValues | null): unknown {
  return Array.from(values as ArrayLike<unknown>, (value) => {
    if (typeof value === 'bigint') return Number(value);
    if (typeof value === 'number' && Number.isNaN(value)) return 'nan';
    return ArrayBuffer.isView(value) || Array.isArray(value) ? plain(value as never) : value;
  });
}
