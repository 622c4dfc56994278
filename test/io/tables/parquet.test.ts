import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isArcletError } from '../../../src/core/errors.ts';
import { openParquet, openParquetWriter, type WriteCodec } from '../../../src/io/parquet.ts';
import { type ByteSource, memorySource } from '../../../src/io/store/source.ts';
import { openStore, type Store } from '../../../src/io/store/store.ts';
import type { TableBatch, TableSchema } from '../../../src/io/table.ts';
import { EVERY_TYPE, everyType, plain } from '../../support/tables.ts';

const fixture = (name: string) => readFile(new URL(`./fixtures/${name}`, import.meta.url));

let folder: string;
let store: Store;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'arclet-parquet-'));
  store = await openStore(folder);
});
afterAll(() => rm(folder, { recursive: true }));

async function written(key: string, schema: TableSchema, batches: TableBatch[], options = {}): Promise<Uint8Array> {
  const writer = openParquetWriter(await store.sink(key), schema, options);
  for (const batch of batches) await writer.write(batch);
  const { rows, bytes } = await writer.finish();
  const file = await store.get(key);
  expect([rows, bytes]).toEqual([batches.reduce((sum, batch) => sum + batch.rows, 0), file.byteLength]);
  return file;
}

describe('what is written', () => {
  it.each<[WriteCodec]>([['zstd'], ['snappy'], ['none']])('with %s is read back, every type, bit for bit', async (codec) => {
    const batches = [everyType(150, 0), everyType(40, 3)];
    const file = await written(`${codec}.parquet`, EVERY_TYPE, batches, { codec, pageBytes: 600, rowGroupRows: 100 });
    const table = await openParquet(memorySource(file, codec));
    expect([table.rows, table.rowGroups.map(({ rows }) => rows)]).toEqual([190, [100, 50, 40]]);
    expect(table.schema.metadata).toEqual({ config: 'a1b2' });
    expect(table.schema.columns).toEqual(
      EVERY_TYPE.columns.map((column) =>
        column.type === 'stamp' ? { storage: 'bytes', ...column } : { nullable: false, ...column },
      ),
    );
    const read = await table.readRowGroup(2);
    for (const { name } of EVERY_TYPE.columns) expect([name, read.columns[name]]).toEqual([name, batches[1].columns[name]]);
    const [, second] = [await table.readRowGroup(0), await table.readRowGroup(1, ['stamp_r', 'id'])];
    expect(Object.keys(second.columns)).toEqual(['stamp_r', 'id']);
    expect(second.columns.stamp_r).toEqual((batches[0].columns.stamp_r as Float32Array).subarray(2000));
  });

  it('may have no rows, or no stamps, or only stamps', async () => {
    const none = await openParquet(memorySource(await written('none.parquet', EVERY_TYPE, []), 'none'));
    expect([none.rows, none.rowGroups]).toEqual([0, []]);
    const columns = EVERY_TYPE.columns;
    for (const chosen of [columns.filter(({ type }) => type === 'stamp'), columns.filter(({ type }) => type !== 'stamp')]) {
      const table = await openParquet(
        memorySource(await written('part.parquet', { columns: chosen }, [everyType(9, 1)]), 'part'),
      );
      expect(Object.keys((await table.readRowGroup(0)).columns)).toEqual(chosen.map(({ name }) => name));
    }
  });

  it('is refused where it does not fit the schema, and leaves no file', async () => {
    const attempt = async (change: object, rows = 3) => {
      const batch = everyType(rows, 0);
      const writer = openParquetWriter(await store.sink('bad.parquet'), EVERY_TYPE);
      const failure = writer.write({ rows: 3, columns: { ...batch.columns, ...change } });
      await expect(failure).rejects.toSatisfy((error) => isArcletError(error, 'ROWS_INVALID'));
      await writer.abort();
      return failure.catch((error: Error) => error.message);
    };
    expect(await attempt({ ra: undefined })).toMatch("'ra' is missing");
    expect(await attempt({ ra: [1, 2] })).toMatch("'ra' has 2 values where 3 rows need 3");
    expect(await attempt({ stamp_r: new Float32Array(59) })).toMatch("'stamp_r' has 59 values where 3 rows need 60");
    expect(await attempt({ ra: [1, null, 3] })).toMatch("'ra' has no value in row 1");
    expect(await attempt({ ra: [1, 'x', 3] })).toMatch("'ra' is float64 and has string x in row 1");
    expect(await attempt({ u8: [1, 2, 256] })).toMatch("'u8' is uint8 and has number 256 in row 2");
    expect(await attempt({ i32: [1.5, 2, 3] })).toMatch("'i32' is int32 and has number 1.5 in row 0");
    expect(await attempt({ night: ['2024-02-30', null, null] })).toMatch("'night' is date");
    expect(await readdir(folder)).not.toContain('bad.parquet');
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

/**
 * Made with pyarrow 26.0.1 and duckdb 2.0.0 from one table of 60 rows with nulls, empty and null lists, decimals, half floats and
 * timestamps in ms and ns: write_table(compression='snappy'); (zstd, data_page_version='2.0', row_group_size=25, data_page_size=64);
 * (zstd, BYTE_STREAM_SPLIT and the three DELTA encodings by column); duckdb COPY (compression zstd). expected.json is to_pylist(),
 * timestamps in microseconds, NaN and missing list items as 'nan'.
 */
describe('files of others', () => {
  it.each([
    ['v1snappy', 21],
    ['v2zstd', 21],
    ['bss', 21],
    ['duck', 15],
  ])('%s', async (name, columns) => {
    // biome-ignore format: one line
    const expected = JSON.parse((await fixture('expected.json')).toString()) as Record<string, unknown[]>;
    const table = await openParquet(memorySource(await fixture(`${name}.parquet`), name));
    expect(table.schema.columns.length + table.unread.length).toBe(columns);
    expect(table.unread).toEqual(name === 'duck' ? [] : ['st', 'll']);
    const found: Record<string, unknown[]> = {};
    for await (const batch of table.batches()) {
      for (const [key, values] of Object.entries(batch.columns))
        found[key] = [...(found[key] ?? []), ...(plain(values) as unknown[])];
    }
    for (const [key, values] of Object.entries(found)) {
      if (key === 'f' || key === 'dec') {
        values.forEach((value, row) => {
          if (value === null) expect(expected[key][row]).toBeNull();
          else expect(Math.abs((value as number) - (expected[key][row] as number))).toBeLessThan(1e-6);
        });
      } else expect([key, values]).toEqual([key, expected[key]]);
    }
  });

  it('are read column by column', async () => {
    const bytes = await fixture('v2zstd.parquet');
    let fetched = 0;
    const counting: ByteSource = {
      ...memorySource(bytes, 'counted'),
      async read(offset, length) {
        fetched += length;
        return bytes.subarray(offset, offset + length);
      },
    };
    const table = await openParquet(counting);
    fetched = 0;
    await table.readRowGroup(0, ['d']);
    expect(fetched).toBeGreaterThan(0);
    expect(fetched).toBeLessThan(table.rowGroups[0].bytes / 5);
    await expect(table.readRowGroup(0, ['nothing'])).rejects.toMatchObject({
      code: 'USAGE',
      remedy: expect.stringContaining('i8, u32'),
    });
    await expect(table.readRowGroup(0, ['st'])).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('nested'),
    });
  });
});

describe('damage', () => {
  const readAll = async (bytes: Uint8Array) => {
    const table = await openParquet(memorySource(bytes, 'damaged'));
    for await (const batch of table.batches()) expect(batch.rows).toBeGreaterThanOrEqual(0);
  };

  it('by cutting is always an error', async () => {
    const bytes = await fixture('v2zstd.parquet');
    for (let length = 0; length < bytes.length; length += 97) {
      await expect(readAll(bytes.subarray(0, length))).rejects.toMatchObject({ code: 'INPUT_INVALID', subject: 'damaged' });
    }
  });

  it('of any byte is an error with a name or goes unseen, but nothing else', async () => {
    let state = 20261121;
    const random = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    };
    let errors = 0;
    for (const name of ['v1snappy', 'v2zstd', 'bss', 'duck']) {
      const bytes = await fixture(`${name}.parquet`);
      for (let round = 0; round < 150; round++) {
        const copy = Uint8Array.from(bytes);
        for (let hit = 0; hit < 4; hit++) copy[Math.floor(random() * copy.length)] = [0, 255, 128, 127][Math.floor(4 * random())];
        await readAll(copy).catch((error) => {
          if (!isArcletError(error, 'INPUT_INVALID')) throw error;
          errors++;
        });
      }
    }
    expect(errors).toBeGreaterThan(100);
  });

  it('of shapes in the metadata is found', async () => {
    const file = await written('shape.parquet', EVERY_TYPE, [everyType(8, 1)], { codec: 'none' });
    for (const [shape, wrong] of [
      ['[4,5]', '[4,6]'],
      ['[6]', '[7]'],
      ['[4,5]', '[9,9]'],
    ]) {
      // biome-ignore format: one line
      const text = Buffer.from(file).toString('latin1').replaceAll(`"shape":${shape}`, `"shape":${wrong}`);
      await expect(readAll(Buffer.from(text, 'latin1'))).rejects.toMatchObject({
        code: 'INPUT_INVALID',
        message: expect.stringContaining(`of [${wrong.slice(1, -1)}]`),
      });
    }
  });
});
