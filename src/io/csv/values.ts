/** Text to values and back. */
import { daysOf, type ScalarType } from '../table.ts';
import type { Field } from './records.ts';

/** What stands for a missing value in columns that are not text; in text only an empty unquoted field does. */
const MISSING = new Set(['', 'NA', 'N/A', 'null', 'NULL', 'None', '--']);

const WHOLE = /^[+-]?(0|[1-9][0-9]*)$/;
const REAL = /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$/;
const SPECIAL: Record<string, number> = {
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  infinity: Number.POSITIVE_INFINITY,
};

export type CsvType = Extract<ScalarType, 'bool' | 'int32' | 'int64' | 'float32' | 'float64' | 'string' | 'timestamp' | 'date'>;

export function isMissing({ text, quoted }: Field, type: CsvType): boolean {
  return type === 'string' ? text === '' && !quoted : MISSING.has(text.trim());
}

function parseReal(text: string): number | undefined {
  if (REAL.test(text)) return Number(text);
  const special = SPECIAL[text.replace(/^[+-]/, '').toLowerCase()];
  return special === undefined ? undefined : text.startsWith('-') ? -special : special;
}

function parseWhole(text: string, bits: bigint): bigint | undefined {
  const value = WHOLE.test(text) ? BigInt(text.replace('+', '')) : undefined;
  return value !== undefined && BigInt.asIntN(Number(bits), value) === value ? value : undefined;
}

/** ISO 8601 in UTC, to microseconds; without a zone it is UTC. */
function parseTimestamp(text: string): bigint | undefined {
  const parts = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:?00)?$/.exec(text);
  const seconds = daysOf(parts?.[1]) === undefined ? Number.NaN : Date.parse(`${parts?.[1]}T${parts?.[2]}Z`) / 1000;
  return Number.isNaN(seconds) ? undefined : BigInt(seconds) * 1_000_000n + BigInt((parts?.[3] ?? '').padEnd(6, '0').slice(0, 6));
}

const PARSE: Record<CsvType, (text: string) => number | bigint | boolean | string | undefined> = {
  bool: (text) => (/^true$/i.test(text) ? true : /^false$/i.test(text) ? false : undefined),
  int32: (text) => {
    const value = parseWhole(text, 32n);
    return value === undefined ? undefined : Number(value);
  },
  int64: (text) => parseWhole(text, 64n),
  float32: parseReal,
  float64: parseReal,
  string: (text) => text,
  timestamp: parseTimestamp,
  date: (text) => (daysOf(text) === undefined ? undefined : text),
};

/** The value of a field that is not missing, or undefined where it is none of the type. */
export function parseField(field: Field, type: CsvType): number | bigint | boolean | string | undefined {
  return PARSE[type](type === 'string' ? field.text : field.text.trim());
}

/**
 * The narrowest type that holds every field: bool, int32, int64, float64, else text. Numbers with leading zeros are text: they are names.
 * Timestamps and dates stay text unless they are asked for.
 */
export function inferType(fields: readonly Field[]): CsvType {
  const present = fields.filter((field) => !isMissing(field, 'float64'));
  const fits = (type: CsvType) => present.every((field) => parseField(field, type) !== undefined);
  if (present.length === 0) return fields.some(({ quoted }) => quoted) ? 'string' : 'float64';
  if (present.some(({ text }) => /^[+-]?0[0-9]/.test(text.trim()) && WHOLE.test(text.trim().replace(/0+/, '1')))) return 'string';
  return (['bool', 'int32', 'int64', 'float64'] as const).find(fits) ?? 'string';
}

/** Shortest text that gives the same float32 again: 20.1, not 20.100000381469727. */
function float32Text(value: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const text = Number(value.toPrecision(digits));
    if (Math.fround(text) === value) return String(text);
  }
  return String(Number(value.toPrecision(9)));
}

function numberText(value: number, type: ScalarType): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0';
  return type === 'float32' ? float32Text(Math.fround(value)) : String(value);
}

function timestampText(microseconds: bigint): string {
  const fraction = ((microseconds % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = (microseconds - fraction) / 1_000_000n;
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return `${whole}.${String(fraction).padStart(6, '0')}Z`;
}

/** A value as it stands in the file, quoted where it must be. */
export function fieldText(value: unknown, type: ScalarType, separator: string): string {
  if (value === null || value === undefined) return '';
  if (type === 'timestamp') return timestampText(BigInt(value as bigint));
  if (typeof value === 'number') return type === 'bool' ? String(value === 1) : numberText(value, type);
  const text = String(value);
  const isPlain = text !== '' && !text.includes(separator) && !/["\r\n]|^#|^\s|\s$/.test(text);
  return type !== 'string' || isPlain ? text : `"${text.replaceAll('"', '""')}"`;
}
