/** Headers of HDUs to be written: what the data dictate, and what the user hands in. */
import type { NewCard } from './card.ts';
import { damaged } from './damage.ts';
import { FitsHeader } from './header.ts';

/** Header cards, structural ones first, and the data. */
export interface EncodedPart {
  /** 'IMAGE', 'BINTABLE': what XTENSION says when it is an extension; undefined where the header has its own first cards. */
  readonly extension: 'IMAGE' | 'BINTABLE' | undefined;
  /** After SIMPLE or XTENSION. */
  readonly header: FitsHeader;
  /** Data without padding. */
  readonly data: () => Iterable<Uint8Array>;
}

export const isChecksum = (keyword: string): boolean => keyword === 'CHECKSUM' || keyword === 'DATASUM';

/** Keywords that say how data are laid out: a header taken from elsewhere loses them, because they describe other data. */
export const isStructural = (keyword: string): boolean =>
  /^(SIMPLE|XTENSION|BITPIX|NAXIS\d*|EXTEND|PCOUNT|GCOUNT|GROUPS|BLANK|BSCALE|BZERO|THEAP|TFIELDS|ZIMAGE|ZTABLE|ZSIMPLE|ZTENSION|ZBITPIX|ZNAXIS\d*|ZEXTEND|ZPCOUNT|ZGCOUNT|ZTILE\d+|ZCMPTYPE|ZNAME\d+|ZVAL\d+|ZQUANTIZ|ZDITHER0|ZBLANK|ZSCALE|ZZERO|ZMASKCMP|ZHECKSUM|ZDATASUM|(TTYPE|TFORM|TUNIT|TDISP|TDIM|TSCAL|TZERO|TNULL|TBCOL)\d+|DATAMIN|DATAMAX)$/.test(
    keyword,
  ) || isChecksum(keyword);

/**
 * Structure, EXTNAME, what else is written from the data, then the header that was handed in (without what is structural or written
 * already) and further cards.
 *
 * @throws INPUT_INVALID when a card cannot be written, or is one of those written from the data
 */
export function withUserCards(
  structure: readonly NewCard[],
  derived: readonly NewCard[],
  input: { readonly name?: string; readonly header?: FitsHeader; readonly cards?: readonly NewCard[] },
): FitsHeader {
  const where = input.name ?? 'new HDU';
  const name: NewCard[] = input.name === undefined ? [] : [{ keyword: 'EXTNAME', value: input.name }];
  const own = [...structure, ...name, ...derived];
  const taken = new Set(own.map(({ keyword }) => keyword));
  const clash = input.cards?.find(({ keyword }) => taken.has(keyword));
  if (clash) throw damaged(`card ${clash.keyword}`, 'it is written from the data and cannot be given');
  const kept = (input.header?.cards ?? []).filter(({ keyword }) => {
    const key = keyword.toUpperCase();
    return !taken.has(key) && !isStructural(key);
  });
  return new FitsHeader([...FitsHeader.of(own).cards, ...kept, ...FitsHeader.of(input.cards ?? []).cards], where);
}
