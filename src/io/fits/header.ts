/** A header: cards in order, looked up by keyword, edited in place, written back with untouched cards as they stood. */
import { CARD, type Card, formatCard, type NewCard, parseCards } from './card.ts';
import { damaged } from './damage.ts';
import type { HeaderValue } from './value.ts';

export const BLOCK = 2880;

/** Bytes rounded up to whole blocks. */
export const wholeBlocks = (bytes: number): number => Math.ceil(bytes / BLOCK) * BLOCK;

export class FitsHeader {
  /** File and HDU, for messages. */
  readonly where: string;
  #cards: Card[];
  #index: Map<string, number> | undefined;

  constructor(cards: readonly Card[] = [], where = 'header') {
    this.#cards = [...cards];
    this.where = where;
  }

  /** Reads header bytes up to END or to their end; every byte is one character (latin-1). Bad values are cards with a `problem`. */
  static parse(bytes: Uint8Array, where = 'header'): FitsHeader {
    const lines: string[] = [];
    for (let at = 0; at < bytes.length; at += CARD) {
      const line = String.fromCharCode(...bytes.subarray(at, at + CARD)).padEnd(CARD);
      if (line.startsWith('END     ')) break;
      lines.push(line);
    }
    return new FitsHeader(parseCards(lines), where);
  }

  /** A header made of new cards. Throws as {@link formatCard}. */
  static of(cards: readonly NewCard[], where = 'header'): FitsHeader {
    return new FitsHeader(
      cards.flatMap((card) => parseCards(formatCard(card))),
      where,
    );
  }

  get cards(): readonly Card[] {
    return this.#cards;
  }

  /** The first card with this keyword (small letters match too). */
  card(keyword: string): Card | undefined {
    if (this.#index === undefined) {
      this.#index = new Map();
      for (const [at, { keyword: name }] of this.#cards.entries()) {
        const key = name.toUpperCase();
        if (!this.#index.has(key)) this.#index.set(key, at);
      }
    }
    const at = this.#index.get(keyword.toUpperCase());
    return at === undefined ? undefined : this.#cards[at];
  }

  has(keyword: string): boolean {
    return this.card(keyword) !== undefined;
  }

  /** Every keyword that has a value, in order, each once. */
  keys(): string[] {
    return [...new Set(this.#cards.filter(({ type }) => type !== 'commentary').map(({ keyword }) => keyword))];
  }

  /**
   * The value of the first card with this keyword: undefined when it is missing or blank.
   *
   * @throws INPUT_INVALID when the card's value cannot be read.
   */
  value(keyword: string): HeaderValue | undefined {
    const card = this.card(keyword);
    if (card?.problem !== undefined) throw damaged(`${this.where} ${keyword}`, card.problem);
    return card?.value;
  }

  /** As {@link value}, for readers of plain values: an integer beyond 2^53 is its nearest number, a complex value is left out. */
  get(keyword: string): string | number | boolean | undefined {
    const value = this.value(keyword);
    if (typeof value === 'bigint') return Number(value);
    return typeof value === 'object' ? undefined : value;
  }

  /** The values of all cards with this keyword, in order; for COMMENT and HISTORY their lines. */
  all(keyword: string): (HeaderValue | undefined)[] {
    const key = keyword.toUpperCase();
    return this.#cards.filter((card) => card.keyword.toUpperCase() === key).map(({ value }) => value);
  }

  comment(keyword: string): string | undefined {
    return this.card(keyword)?.comment;
  }

  /** A number, or `fallback` when it is missing or blank. Throws INPUT_INVALID for a value of another type. */
  number(keyword: string, fallback: number): number;
  number(keyword: string): number | undefined;
  number(keyword: string, fallback?: number): number | undefined {
    const value = this.get(keyword);
    if (value === undefined) return fallback;
    if (typeof value === 'number') return value;
    throw damaged(`${this.where} ${keyword}`, `it is ${JSON.stringify(value)}, not a number`);
  }

  /** An integer of `min .. max`. Missing: `fallback`, else INPUT_INVALID; also for another type, a fraction or a value out of range. */
  integer(keyword: string, options: { min?: number; max?: number; fallback?: number } = {}): number {
    const { min = -Number.MAX_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = options;
    const value = this.get(keyword) ?? options.fallback;
    if (value === undefined) throw damaged(`${this.where} ${keyword}`, 'the keyword is missing');
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return value;
    throw damaged(`${this.where} ${keyword}`, `it is ${JSON.stringify(value)}, not an integer of ${min} to ${max}`);
  }

  /** A string without outer blanks, or undefined when it is missing, blank or not a string. */
  text(keyword: string): string | undefined {
    const value = this.get(keyword);
    return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
  }

  /** Sets the first card with this keyword, keeping its place, its comment unless one is given, and its being a float; else appends. */
  set(keyword: string, value: HeaderValue | undefined, comment?: string): this {
    const old = this.card(keyword);
    const type = old?.type === 'float' ? 'float' : undefined;
    const [card] = parseCards(formatCard({ keyword: old?.keyword ?? keyword, value, comment: comment ?? old?.comment, type }));
    if (old === undefined) this.#cards.push(card);
    else this.#cards[this.#cards.indexOf(old)] = card;
    this.#index = undefined;
    return this;
  }

  /** Appends a card, also when the keyword is there already (COMMENT, HISTORY). */
  append(card: NewCard): this {
    this.#cards.push(...parseCards(formatCard(card)));
    this.#index = undefined;
    return this;
  }

  /** Removes every card whose keyword (in capitals) the test accepts, or that has this keyword. */
  remove(which: string | ((keyword: string) => boolean)): this {
    const test = typeof which === 'string' ? (key: string) => key === which.toUpperCase() : which;
    this.#cards = this.#cards.filter(({ keyword }) => !test(keyword.toUpperCase()));
    this.#index = undefined;
    return this;
  }

  clone(where = this.where): FitsHeader {
    return new FitsHeader(this.#cards, where);
  }

  /** The lines, without END. */
  records(): string[] {
    return this.#cards.flatMap(({ records }) => records);
  }

  /** The header as it stands in a file: END, and blanks to a whole block. */
  toBytes(): Uint8Array<ArrayBuffer> {
    const text = [...this.records(), 'END'.padEnd(CARD)].join('');
    const bytes = new Uint8Array(wholeBlocks(text.length)).fill(0x20);
    for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
    return bytes;
  }
}
