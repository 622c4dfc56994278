/**
 * What the WCS reads of a header: something with `get` and `keys` (a `Map`, arclet's FITS headers) or a plain record.
 * {@link parseHeaderText} makes one from bare text (a `.hdr` file).
 */
import { ArcletError } from '../../core/errors.ts';

export type HeaderValue = string | number | boolean | undefined;

/** A header seen as keyword -> value. */
export interface HeaderView {
  get(key: string): HeaderValue;
  keys(): Iterable<string>;
}

/** What every function here takes as a header. */
export type HeaderLike = HeaderView | Readonly<Record<string, HeaderValue>>;

/** A {@link HeaderView} of either kind of header. */
export function viewHeader(header: HeaderLike): HeaderView {
  if (typeof (header as HeaderView).get === 'function' && typeof (header as HeaderView).keys === 'function') {
    return header as HeaderView;
  }
  const record = header as Readonly<Record<string, HeaderValue>>;
  return { get: (key) => (Object.hasOwn(record, key) ? record[key] : undefined), keys: () => Object.keys(record) };
}

/** INPUT_INVALID that names a keyword. */
export function keywordError(keyword: string, message: string, remedy: string, data?: Record<string, unknown>): ArcletError {
  return new ArcletError('INPUT_INVALID', message, { subject: keyword, remedy, data });
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([EeDd][+-]?\d+)?$/;

/** Typed reading of one header, with the suffix of an alternate description. */
export class HeaderReader {
  readonly view: HeaderView;
  /** '' or 'A' ... 'Z'. */
  readonly alternate: string;
  /** Every keyword that has a value, read once. */
  readonly names: ReadonlySet<string>;

  constructor(header: HeaderLike, alternate = '') {
    this.view = viewHeader(header);
    this.alternate = alternate;
    this.names = new Set([...this.view.keys()].filter((key) => this.has(key)));
  }

  has(key: string): boolean {
    const value = this.view.get(key);
    return value !== undefined && value !== null;
  }

  /** A finite number, or undefined where the keyword is absent or has no value. Throws INPUT_INVALID naming the keyword. */
  number(key: string): number | undefined {
    const value = this.view.get(key);
    if (value === undefined || value === null) return undefined;
    let found = Number.NaN;
    if (typeof value === 'number') found = value;
    else if (typeof value === 'string') {
      const text = value.trim();
      if (text === '') return undefined;
      if (NUMBER.test(text)) found = Number(text.replace(/[dD]/, 'e'));
    }
    if (!Number.isFinite(found)) {
      throw keywordError(
        key,
        `${key} is ${JSON.stringify(value) ?? String(value)}, not a finite number.`,
        `Give ${key} a finite number or remove it.`,
        {
          value: String(value),
        },
      );
    }
    return found;
  }

  /** A trimmed string, or undefined; a number is not a string. */
  text(key: string): string | undefined {
    const value = this.view.get(key);
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'string')
      throw keywordError(key, `${key} is ${String(value)}, not a string.`, `Give ${key} a quoted string.`);
    return value.trim();
  }

  /** An integer within [min, max], or undefined. */
  integer(key: string, min: number, max: number): number | undefined {
    const value = this.number(key);
    if (value === undefined) return undefined;
    if (!Number.isInteger(value) || value < min || value > max) {
      throw keywordError(key, `${key} is ${value}, outside the integers ${min} to ${max}.`, `Correct ${key}.`, {
        value,
        min,
        max,
      });
    }
    return value;
  }
}

/** The value field of one card: undefined where it is blank or is no value at all. */
function parseValue(field: string): HeaderValue {
  const text = field.trimStart();
  if (text.startsWith("'")) {
    const match = /^'((?:[^']|'')*)'/.exec(text);
    const inner = match ? match[1] : text.slice(1);
    return inner.replaceAll("''", "'").trimEnd();
  }
  const bare = text.split('/', 1)[0].trim();
  if (bare === 'T') return true;
  if (bare === 'F') return false;
  if (NUMBER.test(bare)) return Number(bare.replace(/[dD]/, 'e'));
  return bare === '' ? undefined : bare;
}

/** `DP1 = 'EXTVER: 2'` (record-valued, WCS distortion paper) is known as DP1.EXTVER. */
const RECORD_VALUED = /^([A-Za-z][\w.]*):\s+([+-]?[\d.]+(?:[EeDd][+-]?\d+)?)$/;

/**
 * A header from bare text: 80-column cards one after the other, or one card a line. CONTINUE strings are joined, a keyword that
 * stands twice keeps its last value (as wcslib does), commentary is dropped. Text that holds no card at all throws INPUT_INVALID.
 */
export function parseHeaderText(text: string): Map<string, HeaderValue> {
  const cards = /[\r\n]/.test(text) ? text.split(/\r\n|\r|\n/).flatMap((line) => chunks(line)) : chunks(text);
  const header = new Map<string, HeaderValue>();
  let last: string | undefined;
  for (const card of cards) {
    const name = card.slice(0, 8).trim().toUpperCase();
    if (name === 'END' && card.slice(8).trim() === '') break;
    if (name === 'CONTINUE' && last !== undefined) {
      const soFar = header.get(last);
      const more = parseValue(card.slice(8));
      if (typeof soFar === 'string' && soFar.endsWith('&') && typeof more === 'string')
        header.set(last, soFar.slice(0, -1) + more);
      continue;
    }
    last = undefined;
    const equals = name === 'HIERARCH' ? card.indexOf('=') : card.slice(8, 9) === '=' ? 8 : looseEquals(card);
    if (equals < 0) continue;
    const key = name === 'HIERARCH' ? card.slice(9, equals).trim() : card.slice(0, equals).trim().toUpperCase();
    if (key === '') continue;
    const value = parseValue(card.slice(equals + 1));
    const record = typeof value === 'string' ? RECORD_VALUED.exec(value) : null;
    if (record) header.set(`${key}.${record[1]}`, Number(record[2].replace(/[dD]/, 'e')));
    else header.set(key, value);
    last = key;
  }
  if (header.size === 0) {
    throw new ArcletError('INPUT_INVALID', `No header card was found in ${text.length} characters of text.`, {
      remedy: 'Give 80-column FITS cards, or one KEYWORD = value a line.',
    });
  }
  return header;
}

/** Hand-made headers write `CRPIX1=5`: a short keyword, then an equals sign anywhere before column 9. */
function looseEquals(card: string): number {
  const match = /^[A-Za-z][\w-]{0,7}\s*=/.exec(card);
  return match ? match[0].length - 1 : -1;
}

function chunks(line: string): string[] {
  const cards: string[] = [];
  for (let at = 0; at < line.length; at += 80) cards.push(line.slice(at, at + 80));
  return cards;
}
