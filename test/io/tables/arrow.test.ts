import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { isArcletError } from '../../../src/core/errors.ts';
import { readArrow, writeArrow } from '../../../src/io/arrow.ts';
import { memorySource } from '../../../src/io/store/source.ts';
import type { TableBatch } from '../../../src/io/table.ts';
import { EVERY_TYPE, everyType, plain } from '../../support/tables.ts';

const fixture = (name: string) => readFile(new URL(`./fixtures/${name}`, import.meta.url));

async function bytesOf(batches: TableBatch[], format: 'file' | 'stream', schema = EVERY_TYPE): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeArrow(schema, batches, format)) chunks.push(chunk.slice());
  return Buffer.concat(chunks);
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function readAll(input: Parameters<typeof readArrow>[0]): Promise<TableBatch[]> {
  const batches: TableBatch[] = [];
  for await (const batch of (await readArrow(input)).batches()) batches.push(batch);
  return batches;
}

describe('Arrow', () => {
  it.each([['file'], ['stream']] as const)('%ss give back every type', async (format) => {
    const batches = [everyType(30, 0), everyType(7, 2)];
    const bytes = await bytesOf(batches, format);
    const table = await readArrow(memorySource(bytes, format));
    expect(table.schema.metadata).toEqual({ config: 'a1b2' });
    expect(table.schema.columns.map(({ name, type, unit }) => [name, type, unit])).toEqual(
      EVERY_TYPE.columns.map(({ name, type, unit }) => [name, type, unit]),
    );
    expect(table.schema.columns[1]).toMatchObject({ shape: [4, 5], unit: 'nanomaggy', description: 'r band' });
    let index = 0;
    for await (const batch of table.batches()) {
      for (const { name } of EVERY_TYPE.columns)
        expect([name, batch.columns[name]]).toEqual([name, batches[index].columns[name]]);
      index++;
    }
    expect(index).toBe(2);
  });

  it('streams arrive in pieces of any size', async () => {
    const bytes = await bytesOf([everyType(5, 1)], 'stream');
    for (const size of [1, 13, 4096]) {
      const [batch] = await readAll(inPieces(bytes, size));
      expect(batch.columns.stamp_r).toEqual(everyType(5, 1).columns.stamp_r);
    }
  });

  it('stamps are views of the bytes that were read', async () => {
    const [batch] = await readAll(memorySource(await bytesOf([everyType(50, 1)], 'stream'), 'views'));
    const { stamp_r: stamps, ra } = batch.columns as Record<string, Float32Array>;
    expect(stamps.buffer).toBe(ra.buffer);
  });

  it('a batch that does not fit its schema is refused', async () => {
    const changes: TableBatch['columns'][] = [
      { u8: [1, 2, 300] },
      { ra: ['x', 1, 2] },
      { name: [1, 2, 3] },
      { ok: ['yes', true, false] },
      { i32: [0.5, 1, 2] },
    ];
    for (const change of changes) {
      const batch = { rows: 3, columns: { ...everyType(3, 0).columns, ...change } };
      await expect(bytesOf([batch], 'file')).rejects.toMatchObject({ code: 'ROWS_INVALID', subject: Object.keys(change)[0] });
    }
  });

  // pyarrow 26.0.1, the table of parquet.test.ts with its text column dictionary-encoded, in batches of 25 rows, compression zstd.
  it('streams of others are read: zstd, dictionaries, nulls, lists, every time unit', async () => {
    const expected = JSON.parse((await fixture('expected.json')).toString()) as Record<string, unknown[]>;
    const table = await readArrow(memorySource(await fixture('zstd.arrow'), 'zstd'));
    expect(table.unread).toEqual(['dec', 'st', 'll']);
    const found: Record<string, unknown[]> = {};
    for await (const batch of table.batches()) {
      for (const [key, values] of Object.entries(batch.columns))
        found[key] = [...(found[key] ?? []), ...(plain(values) as unknown[])];
    }
    expect(Object.keys(found).length).toBe(18);
    for (const [key, values] of Object.entries(found)) {
      const wanted =
        key === 'f' ? expected[key].map((value) => (value === null ? null : Math.fround(value as number))) : expected[key];
      if (key === 'fsl') expect(values.flat()).toEqual(wanted.flat());
      else expect([key, values]).toEqual([key, wanted]);
    }
  });

  it('LZ4 is refused by name', async () => {
    await expect(readAll(memorySource(await fixture('lz4.feather'), 'lz4'))).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('LZ4'),
    });
  });
});

describe('damaged Arrow', () => {
  it.each([['file'], ['stream']] as const)('%ss that are cut anywhere are an error', async (format) => {
    const bytes = await bytesOf([everyType(4, 0), everyType(4, 1)], format);
    for (let length = 0; length < bytes.length; length += 41) {
      await expect(readAll(memorySource(bytes.subarray(0, length), 'cut'))).rejects.toMatchObject({
        code: 'INPUT_INVALID',
        subject: 'cut',
      });
    }
  });

  it('is an error with a name or goes unseen, but nothing else', async () => {
    let state = 7;
    const random = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    };
    let errors = 0;
    const files = [
      await bytesOf([everyType(9, 0)], 'file'),
      await bytesOf([everyType(9, 0)], 'stream'),
      await fixture('zstd.arrow'),
    ];
    for (let round = 0; round < 600; round++) {
      const bytes = Uint8Array.from(files[round % 3]);
      for (let hit = 0; hit < 4; hit++) bytes[Math.floor(random() * bytes.length)] = [0, 255, 128, 127][Math.floor(4 * random())];
      await readAll(memorySource(bytes, 'damaged')).catch((error) => {
        if (!isArcletError(error, 'INPUT_INVALID')) throw error;
        errors++;
      });
    }
    expect(errors).toBeGreaterThan(100);
  });
});
