/** Types of values that the sections of the fit config share. Words are strict, as in tract7dt: text is no number, true is no 1. */
import { z } from 'zod';

export const flag = z.boolean();
export const real = z.number();
export const positive = z.number().positive();
export const nonNegative = z.number().nonnegative();
export const whole = z.number().int().nonnegative();
export const count = z.number().int().positive();
export const text = z.string();
/** A place; the loader makes it absolute. */
export const place = z.string().min(1);
/** `auto` is one per core, at most one per piece of work. */
export const workers = z.union([z.literal('auto'), count]);

const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
};
const LEAST_BYTES = 16e6;

/** Bytes of `2GB`, `512 MiB` or a plain number; undefined for what is none of these. */
function bytesOf(value: number | string): number | undefined {
  if (typeof value === 'number') return value;
  const [, digits, unit] = /^\s*(\d+(?:\.\d+)?)\s*([KMGT]?i?B)\s*$/i.exec(value) ?? [];
  return digits === undefined ? undefined : Math.floor(Number(digits) * UNITS[unit.toUpperCase()]);
}

/** A number of bytes, also as `2GB` or `512MiB`; at least 16 MB. */
export const bytes = z
  .union([z.number(), z.string()])
  .refine((value) => (bytesOf(value) ?? 0) >= LEAST_BYTES, { error: 'expected bytes as a number or like 2GB, at least 16MB' })
  .transform((value) => bytesOf(value) as number);
