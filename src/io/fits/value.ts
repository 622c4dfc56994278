/** The value field of a header card, read and written (FITS Standard 4.0, section 4.2). */

/** A complex header value. */
export interface Complex {
  readonly re: number;
  readonly im: number;
}

/** What a card can hold. Integers beyond 2^53 are bigint, so that no digit is lost. */
export type HeaderValue = boolean | number | bigint | string | Complex;

export type ValueType = 'logical' | 'integer' | 'float' | 'complex' | 'string' | 'undefined';

export interface ParsedValue {
  readonly type: ValueType;
  /** Undefined when the field is blank, or cannot be read (then `problem` says why). */
  readonly value: HeaderValue | undefined;
  readonly comment: string;
  readonly problem?: string;
}

// As lenient as astropy and cfitsio: blanks after a sign, a lower-case exponent letter, D for E.
const INTEGER = /^[+-]? *\d+$/;
const FLOAT = /^[+-]? *(?:\d+\.\d*|\.\d+|\d+)(?:[deDE] *[+-]? *\d+)?$/;

function parseNumber(text: string): { type: 'integer' | 'float'; value: number | bigint } | undefined {
  if (INTEGER.test(text)) {
    const digits = text.replaceAll(' ', '');
    const value = Number(digits);
    return { type: 'integer', value: Number.isSafeInteger(value) ? value : BigInt(digits.replace(/^\+/, '')) };
  }
  if (!FLOAT.test(text)) return undefined;
  const value = Number(text.replaceAll(' ', '').replace(/[dD]/, 'E'));
  return Number.isFinite(value) ? { type: 'float', value } : undefined;
}

/**
 * A quoted string at the start of `field` (after blanks): its text with '' read as ', not trimmed, and what follows the closing quote.
 * Undefined when there is no string or it does not end.
 */
export function splitString(field: string): { text: string; rest: string } | undefined {
  const open = field.search(/\S/);
  if (open < 0 || field[open] !== "'") return undefined;
  let at = open + 1;
  for (;;) {
    const quote = field.indexOf("'", at);
    if (quote < 0) return undefined;
    if (field[quote + 1] !== "'")
      return { text: field.slice(open + 1, quote).replaceAll("''", "'"), rest: field.slice(quote + 1) };
    at = quote + 2;
  }
}

/** The comment in what follows a value: the text after the first slash, or all of it where the slash was forgotten. */
export function commentOf(rest: string): string {
  return rest.trim().replace(/^\/ ?/, '').trimEnd();
}

/** Reads the value field: everything after the value indicator, comment included. Never throws. */
export function parseValue(field: string): ParsedValue {
  if (/^\s*'/.test(field)) {
    const string = splitString(field);
    if (string === undefined)
      return { type: 'string', value: undefined, comment: '', problem: 'its string has no closing quote' };
    return { type: 'string', value: string.text.trimEnd(), comment: commentOf(string.rest) };
  }
  const slash = field.indexOf('/');
  const text = (slash < 0 ? field : field.slice(0, slash)).trim();
  const comment = slash < 0 ? '' : commentOf(field.slice(slash));
  if (text === '') return { type: 'undefined', value: undefined, comment };
  if (text === 'T' || text === 'F') return { type: 'logical', value: text === 'T', comment };
  const number = parseNumber(text);
  if (number !== undefined) return { ...number, comment };
  const pair = /^\(([^,()]*),([^,()]*)\)$/.exec(text);
  const re = pair && parseNumber(pair[1].trim());
  const im = pair && parseNumber(pair[2].trim());
  if (re && im) return { type: 'complex', value: { re: Number(re.value), im: Number(im.value) }, comment };
  return { type: 'undefined', value: undefined, comment, problem: `'${text}' is no FITS value` };
}

/** The shortest text that reads back as the same double, with a point so that it reads back as a float. */
export function floatText(value: number): string {
  const text = String(value).toUpperCase();
  if (text.includes('.')) return text;
  const exponent = text.indexOf('E');
  return exponent < 0 ? `${text}.0` : `${text.slice(0, exponent)}.0${text.slice(exponent)}`;
}

/**
 * The text of a value that is not a string. A number is written as an integer when it is one, unless `type` says float.
 * Undefined for a number that FITS cannot hold (NaN, infinities).
 */
export function valueText(value: Exclude<HeaderValue, string> | undefined, type?: ValueType): string | undefined {
  if (value === undefined) return '';
  if (typeof value === 'boolean') return value ? 'T' : 'F';
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'object') {
    if (!Number.isFinite(value.re) || !Number.isFinite(value.im)) return undefined;
    return `(${floatText(value.re)}, ${floatText(value.im)})`;
  }
  if (!Number.isFinite(value)) return undefined;
  return Number.isSafeInteger(value) && !Object.is(value, -0) && type !== 'float' ? String(value) : floatText(value);
}
