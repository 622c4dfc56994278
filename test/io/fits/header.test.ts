import { describe, expect, it } from 'vitest';
import { formatCard } from '../../../src/io/fits/card.ts';
import { FitsHeader } from '../../../src/io/fits/index.ts';
import { headerBytes } from './support.ts';

const parse = (...lines: string[]) => FitsHeader.parse(headerBytes(...lines), 'x.fits[0]');

describe('values', () => {
  it.each([
    ["KEY     = 'it''s'   / said", 'string', "it's", 'said'],
    ["KEY     = '  lead  '", 'string', '  lead', ''],
    ["KEY     = ''", 'string', '', ''],
    ["KEY     = 'a / b' / c / d", 'string', 'a / b', 'c / d'],
    ['KEY     =                    T / yes', 'logical', true, 'yes'],
    ['KEY     = F', 'logical', false, ''],
    ['KEY     = -0042', 'integer', -42, ''],
    ['KEY     = 9007199254740993 / 2^53+1', 'integer', 9007199254740993n, '2^53+1'],
    ['KEY     = 1.5D-3', 'float', 0.0015, ''],
    ['KEY     = 2.', 'float', 2, ''],
    ['KEY     = +.5e2', 'float', 50, ''],
    ['KEY     = - 1.5', 'float', -1.5, ''],
    ['KEY     = 1E3', 'float', 1000, ''],
    ['KEY     = (1, -2.5D0)', 'complex', { re: 1, im: -2.5 }, ''],
    ['KEY     =                      / nothing', 'undefined', undefined, 'nothing'],
    ['HIERARCH ESO INS.TEMP = 12.5 / K', 'float', 12.5, 'K'],
    ['KEY = 5', 'integer', 5, ''],
  ])('%s', (line, type, value, comment) => {
    const [card] = parse(line).cards;
    expect([card.type, card.value, card.comment, card.problem]).toEqual([type, value, comment, undefined]);
  });

  it.each([
    ["KEY     = 'no end", 'closing quote'],
    ['KEY     = NaN', "'NaN' is no FITS value"],
    ['KEY     = 1e999', 'no FITS value'],
    ['KEY     = 12 34', 'no FITS value'],
  ])('%s is an error when it is asked for, not before', (line, message) => {
    const header = parse(line, 'OTHER   = 1');
    expect(header.get('OTHER')).toBe(1);
    expect(() => header.get('KEY')).toThrow(expect.objectContaining({ code: 'INPUT_INVALID', subject: 'x.fits[0] KEY' }));
    expect(() => header.get('KEY')).toThrow(message);
  });
});

describe('cards', () => {
  it('join CONTINUE lines with their comments, and leave orphans alone', () => {
    const header = parse(
      "LONG    = 'one &' / first",
      "CONTINUE  'two''&' / second",
      "CONTINUE  'three'",
      "AMP     = 'R&D&'",
      "CONTINUE  '' / of nobody",
    );
    expect(header.get('LONG')).toBe("one two'three");
    expect(header.comment('LONG')).toBe('first second');
    expect(header.card('LONG')?.records).toHaveLength(3);
    expect(header.get('AMP')).toBe('R&D');
    expect(parse("AMP     = 'R&D&'", 'NEXT    = 1').get('AMP')).toBe('R&D&');
  });

  it('without a value indicator are commentary, duplicates are kept', () => {
    const header = parse(
      'COMMENT   = not a value',
      'HISTORY one',
      'HISTORY two',
      '        = 3',
      'A       = 1',
      'A       = 2',
      'NOVALUE =5',
    );
    expect(header.all('HISTORY')).toEqual([' one', ' two'].map((text) => text.trimStart()));
    expect(header.get('A')).toBe(1);
    expect(header.all('A')).toEqual([1, 2]);
    expect(header.keys()).toEqual(['A']);
    expect(header.card('COMMENT')?.value).toBe('  = not a value');
  });

  it.each<[string, Parameters<typeof formatCard>[0]]>([
    ['short string', { keyword: 'OBJECT', value: "M 31's", comment: 'name' }],
    ['long string', { keyword: 'OBJECT', value: `${'word '.repeat(40)}end`, comment: 'many words' }],
    ['quotes at the seam', { keyword: 'OBJECT', value: "''".repeat(90) }],
    ['string with a long comment', { keyword: 'OBJECT', value: 'x', comment: `${'why '.repeat(40)}not` }],
    ['string that ends in &', { keyword: 'OBJECT', value: 'a&' }],
    ['hierarch', { keyword: 'ESO DET CHIP1 ID', value: 'CCD-44', comment: 'chip' }],
    ['hierarch with a long string', { keyword: 'ESO DET CHIP1 ID', value: 'c'.repeat(150) }],
    ['float that is whole', { keyword: 'EQUINOX', value: 2000, type: 'float' }],
    ['tiny float', { keyword: 'X', value: -Math.PI * 1e-300 }],
    ['huge float', { keyword: 'X', value: 1e300 }],
    ['bigint', { keyword: 'X', value: -(2n ** 63n) }],
    ['complex', { keyword: 'X', value: { re: 1, im: -0.5 } }],
    ['logical', { keyword: 'X', value: false, comment: 'no' }],
    ['undefined', { keyword: 'X', comment: 'unknown' }],
  ])('%s reads back as written', (_, card) => {
    const lines = formatCard(card);
    for (const line of lines) expect(line).toHaveLength(80);
    const [found, ...more] = parse(...lines).cards;
    expect(more).toEqual([]);
    expect(found).toMatchObject({ keyword: card.keyword, comment: card.comment ?? '' });
    expect(found.value).toEqual(card.value);
    if (card.type) expect(found.type).toBe(card.type);
  });

  it('splits long history, cuts the comment of a number, refuses what FITS cannot hold', () => {
    expect(formatCard({ keyword: 'HISTORY', value: 'h'.repeat(150) })).toHaveLength(3);
    expect(formatCard({ keyword: 'N', value: 1, comment: 'c'.repeat(90) })).toHaveLength(1);
    for (const card of [
      { keyword: 'N', value: Number.NaN },
      { keyword: 'N', value: 'é' },
      { keyword: 'a=b', value: 1 },
      { keyword: `ESO ${'X'.repeat(70)}`, value: 1 },
    ])
      expect(() => formatCard(card)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
  });
});

describe('FitsHeader', () => {
  const lines = ['SIMPLE  =                    T  / odd   spacing', 'CRVAL1  =   1.50000E+02 /deg', 'EXPTIME = 30', 'hello', ''];

  it('writes untouched cards as they stood', () => {
    const bytes = headerBytes(...lines);
    const header = FitsHeader.parse(bytes);
    expect(header.toBytes()).toEqual(bytes);
    header.set('EXPTIME', 31).append({ keyword: 'NEW', value: 'x' }).set('CRVAL1', 151);
    expect(header.records().map((line) => line.trimEnd())).toEqual([
      'SIMPLE  =                    T  / odd   spacing',
      'CRVAL1  =                151.0 / deg',
      'EXPTIME =                   31',
      'hello',
      '',
      "NEW     = 'x       '",
    ]);
    expect(header.remove('NEW').has('NEW')).toBe(false);
  });

  it('checks integers and numbers', () => {
    const header = parse('A       = 1.5', "B       = '3'", 'C       = -1');
    expect(() => header.integer('A')).toThrow('it is 1.5, not an integer');
    expect(() => header.number('B')).toThrow('not a number');
    expect(() => header.integer('C', { min: 0 })).toThrow('not an integer of 0 to');
    expect(() => header.integer('D')).toThrow('x.fits[0] D: the keyword is missing');
    expect(header.number('D', 7)).toBe(7);
  });
});
