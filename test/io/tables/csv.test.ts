import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { findSkyColumns, readCatalogue, readCsv, writeCsv } from '../../../src/io/csv.ts';
import { memorySource } from '../../../src/io/store/source.ts';
import type { TableSchema } from '../../../src/io/table.ts';
import { hasShared, shared } from '../../support/shared.ts';

const source = (text: string) => memorySource(new TextEncoder().encode(text), 'test.csv');
const read = async (text: string, types = {}) => {
  const { schema, batch } = await readCsv(source(text), { types });
  return {
    types: schema.columns.map((column) => ('type' in column ? column.type : '')),
    rows: batch.rows,
    ...batch.columns,
  } as Record<string, unknown>;
};

async function text(schema: TableSchema, ...batches: Parameters<typeof writeCsv>[1][]): Promise<string> {
  let all = '';
  for (const batch of batches) for await (const chunk of writeCsv(schema, batch)) all += new TextDecoder().decode(chunk);
  return all;
}

describe('CSV values', () => {
  it('are typed by what all of a column holds', async () => {
    const found = await read('a,b,c,d,e,f\n1,1.5,x,True,9007199254740993,007\n-2,1e-3,2,false,2,12\n');
    expect(found).toMatchObject({
      types: ['int32', 'float64', 'string', 'bool', 'int64', 'string'],
      a: Int32Array.of(1, -2),
      b: Float64Array.of(1.5, 0.001),
      c: ['x', '2'],
      d: [true, false],
      e: BigInt64Array.of(9007199254740993n, 2n),
      f: ['007', '12'],
    });
  });

  it('may be missing, not a number or infinite', async () => {
    const found = await read('f,i,s,n\n1.5,1,,\nnan,,"",\n-inf,NA,NA,\n,--,x,\n');
    expect(found).toMatchObject({
      types: ['float64', 'int32', 'string', 'float64'],
      f: [1.5, Number.NaN, Number.NEGATIVE_INFINITY, null],
      i: [1, null, null, null],
      s: [null, '', 'NA', 'x'],
      n: [null, null, null, null],
    });
    expect((await read('f\nNaN\n2\n')).f).toEqual(Float64Array.of(Number.NaN, 2));
    expect((await read('f\n 1 \n2.5\n')).f).toEqual(Float64Array.of(1, 2.5));
  });

  it('may be quoted, with separators, quotes and line ends inside', async () => {
    const found = await read('name,note\n"M 31, core","say ""hi""\nthere"\r\n"5",plain "text"\n');
    expect(found).toMatchObject({ rows: 2, name: ['M 31, core', '5'], note: ['say "hi"\nthere', 'plain "text"'] });
  });

  it('are of the type asked for, in any case of the name', async () => {
    const found = await read('ID,t,day\n12,2024-02-29T01:02:03.5Z,2024-02-29\n', { id: 'string', t: 'timestamp', DAY: 'date' });
    expect(found).toMatchObject({ ID: ['12'], t: BigInt64Array.of(1709168523500000n), day: ['2024-02-29'] });
    const wrong = [['int32', '3000000000'], ['int32', '1.5'], ['date', '2024-02-30'], ['timestamp', 'noon'], ['bool', '2']]; // biome-ignore format: one line
    for (const [type, value] of wrong) {
      await expect(read(`a,b\n1,\n1,${value}\n`, { b: type })).rejects.toMatchObject({
        code: 'INPUT_INVALID',
        message: `test.csv cannot be read as CSV: '${value}' in column 'b' on line 3 is no ${type}.`,
        data: { line: 3, column: 'b' },
      });
    }
  });
});

describe('CSV files', () => {
  it('may have a byte order mark, blank lines, leading comments, any line end and none at the end', async () => {
    for (const end of ['\n', '\r\n', '\r']) {
      const found = await read(['\uFEFF# made by hand', '#', 'ra,dec', '', '1,2', '3,#4'].join(end));
      expect(found).toMatchObject({ rows: 2, ra: Int32Array.of(1, 3), dec: ['2', '#4'] });
    }
  });

  it('arrive in pieces of any size', async () => {
    const whole = new TextEncoder().encode('n,s\r\n1,"a ""b""\r\nc"\r\n2,\u00e9\u2603\r\n');
    for (let size = 1; size < whole.length; size++) {
      const pieces = (async function* () {
        for (let at = 0; at < whole.length; at += size) yield whole.subarray(at, at + size);
      })();
      expect((await readCsv(pieces)).batch.columns).toEqual({ n: Int32Array.of(1, 2), s: ['a "b"\r\nc', '\u00e9\u2603'] });
    }
  });

  it.each([
    ['', 'no header'],
    ['a,b\n1,2\n3\n', 'line 3 has 1 fields and the header 2'],
    ['a,b\n"x\ny",2\n3,4,5\n', 'line 4 has 3 fields and the header 2'],
    ['a,b\n1,"2\n3,4\n', 'a quote opened on line 2 is not closed'],
    ['a,b\n1,"2"3\n', 'text follows a closing quote on line 2'],
    ['a,a\n1,2\n', "the column 'a' stands twice"],
  ])('that are damaged are refused: %j', async (content, why) => {
    await expect(read(content)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      subject: 'test.csv',
      message: expect.stringContaining(why),
    });
  });

  it('that are not UTF-8, or have a quote that runs on and on, are refused', async () => {
    const latin = memorySource(Uint8Array.from([97, 10, 233, 10]), 'latin');
    await expect(readCsv(latin)).rejects.toMatchObject({ code: 'INPUT_INVALID', message: expect.stringContaining('not UTF-8') });
    const endless = memorySource(new Uint8Array(2 ** 24 + 2 ** 21).fill(97).fill(34, 0, 1), 'endless');
    await expect(readCsv(endless)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('line 1 has more than'),
    });
  });
});

describe('catalogues', () => {
  it('have RA and DEC in any case', async () => {
    for (const [ra, dec] of [
      ['RA', 'DEC'],
      ['ra', 'dec'],
      ['Ra', 'Dec'],
    ]) {
      // biome-ignore format: one line
      const found = await readCatalogue(source(`ID,${ra},${dec}\n0012,10,-5.5\n0013,,nan\n`));
      expect([found.raName, found.decName, found.ra, found.dec]).toEqual([ra, dec, Float64Array.of(10, Number.NaN), Float64Array.of(-5.5, Number.NaN)]); // biome-ignore format: one line
      expect([found.batch.rows, found.batch.columns.ID]).toEqual([2, ['0012', '0013']]);
    }
    expect(findSkyColumns(['ra', 'RA', 'Dec'], 'x')).toEqual({ ra: 'RA', dec: 'Dec' });
    expect(() => findSkyColumns(['ra', 'Ra', 'dec'], 'x')).toThrow('x has 2 columns RA (ra, Ra).');
    await expect(readCatalogue(source('x,y\n1,2\n'))).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      remedy: expect.stringContaining('it has x, y'),
    });
    await expect(readCatalogue(source('ra,dec\n10:20:30,2\n'))).rejects.toMatchObject({
      message: expect.stringContaining("'10:20:30'"),
    });
  });

  // Counts and sums by pandas 3.1.1: read_csv; len, ra.sum(), dec.sum().
  it.skipIf(!hasShared)('of the field are read: DESI lens candidates', async () => {
    const bytes = await readFile(shared('data/a_legacy/desi_candidates.csv'));
    const { batch, ra, dec } = await readCatalogue(memorySource(bytes, 'desi_candidates.csv'));
    expect([batch.rows, sum(ra), sum(dec)]).toEqual(DESI);
  });
});

const sum = (values: Float64Array) => Number(values.reduce((a, b) => a + b, 0).toFixed(3));
const DESI = [5104, 616108.912, -61618.984];

describe('what is written', () => {
  const schema: TableSchema = {
    columns: [
      { name: 'name, of it', type: 'string', nullable: true },
      { name: 'mag', type: 'float32' },
      { name: 'flux', type: 'float64', nullable: true },
      { name: 'id', type: 'int64' },
      { name: 'ok', type: 'bool' },
      { name: 't', type: 'timestamp' },
    ],
  };
  const batch = {
    rows: 4,
    columns: {
      'name, of it': ['a,"b"', '', null, ' x\ny'],
      mag: Float32Array.of(20.1, Number.NaN, -0, 1e-30),
      flux: [0.1 + 0.2, Number.POSITIVE_INFINITY, null, 1e300],
      id: BigInt64Array.of(9007199254740993n, -1n, 0n, 2n),
      ok: [true, false, true, false],
      t: BigInt64Array.of(1709168523500000n, -1n, 0n, 1n),
    },
  };

  it('is short, exact and quoted where it must be', async () => {
    expect(await text(schema, [batch])).toBe(
      [
        '"name, of it",mag,flux,id,ok,t',
        '"a,""b""",20.1,0.30000000000000004,9007199254740993,true,2024-02-29T01:02:03.500000Z',
        '"",nan,inf,-1,false,1969-12-31T23:59:59.999999Z',
        ',-0,,0,true,1970-01-01T00:00:00.000000Z',
        '" x\ny",1e-30,1e+300,2,false,1970-01-01T00:00:00.000001Z',
        '',
      ].join('\n'),
    );
  });

  it('is read back the same', async () => {
    const types = { mag: 'float32', t: 'timestamp', id: 'int64' } as const;
    const again = await readCsv(source(await text(schema, [batch])), { types });
    expect(again.batch).toEqual(batch);
  });

  it('has no stamps', async () => {
    const stamps: TableSchema = { columns: [{ name: 's', type: 'stamp', shape: [2, 2] }] };
    await expect(text(stamps, [])).rejects.toMatchObject({ code: 'USAGE', subject: 's' });
  });
});
