/**
 * How files and configs written by people are checked: strict zod objects whose unknown keys name the nearest known one, snake_case at
 * the edge and camelCase inside, and one sentence per problem that names the place.
 */
import { z } from 'zod';
import { nearest } from '../core/nearest.ts';

type Camel<S extends string> = S extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : S;

/** The keys of T in camelCase (one level: records inside keep their keys). */
export type CamelKeys<T> = { [K in keyof T as K extends string ? Camel<K> : K]: T[K] };

/** `theta_e_arcsec` is `thetaEArcsec`. */
export const camel = (name: string): string => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
/** `thetaEArcsec` is `theta_e_arcsec`. */
export const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function camelKeys<T extends object>(value: T): CamelKeys<T> {
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [camel(key), item])) as CamelKeys<T>;
}

/** A strict object as it stands in a file; parsed, its keys are camelCase. */
export function edgeObject<S extends z.core.$ZodLooseShape>(shape: S) {
  return strictObject(shape).transform((value) => camelKeys(value as z.output<z.ZodObject<S>> & object));
}

/** A strict object whose message for an unknown key names the nearest known one. */
export function strictObject<S extends z.core.$ZodLooseShape>(shape: S) {
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') return undefined;
      return (issue as unknown as { keys: string[] }).keys
        .map((key) => `unknown key '${key}', did you mean '${nearest(key, Object.keys(shape))}'?`)
        .join('; ');
    },
  });
}

/** JSON Schema of what may stand in a file. Knows defaults and need of keys that are converted (lists as text), which zod leaves out. */
export function jsonSchemaOf(schema: z.ZodType): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(schema, {
    io: 'input',
    override({ zodSchema, jsonSchema }) {
      const { def } = zodSchema._zod;
      if (def.type === 'default') jsonSchema.default = def.defaultValue as typeof jsonSchema.default;
      if (def.type !== 'object') return;
      const required = Object.keys(def.shape).filter((key) => !z.safeParse(def.shape[key], undefined).success);
      if (required.length > 0) jsonSchema.required = required;
      else delete jsonSchema.required;
    },
  });
}

/** Text of a comma-separated list becomes a list, and so does a single number: lists as flags give them. Anything else stays. */
export function listOfText(value: unknown): unknown {
  if (typeof value === 'number') return [value];
  if (typeof value !== 'string') return value;
  return value
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}

/** The item of a value that a part of a path names. A place in text means one in the list that the text was read as. */
function itemAt(value: unknown, key: PropertyKey): unknown {
  const holder = typeof key === 'number' ? listOfText(value) : value;
  return (holder as Record<PropertyKey, unknown> | null | undefined)?.[key];
}

/** One problem of a parse: where, as in `rows[3].lens.q`, and what. */
export interface Problem {
  path: string;
  message: string;
  code: string;
}

function pathText(path: readonly PropertyKey[]): string {
  return path.map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${String(key)}`)).join('');
}

/**
 * The problems of a failed parse of `input`, unknown keys first (a missing key is often a misspelt one). Of a union, the branch that
 * the value was closest to speaks.
 */
export function problemsOf(error: z.core.$ZodError, input: unknown): Problem[] {
  const problems = flatten(error.issues, []).map(({ path, message, code }) => {
    const value = path.reduce(itemAt, input);
    return { path: pathText(path), message: describe(message, code, value), code };
  });
  const unknown = problems.filter((problem) => problem.code === 'unrecognized_keys');
  return [...unknown, ...problems.filter((problem) => problem.code !== 'unrecognized_keys')];
}

function describe(message: string, code: string, value: unknown): string {
  if (code === 'unrecognized_keys') return message;
  if (value === undefined) return 'this key is missing';
  const shown = typeof value === 'number' ? String(value) : JSON.stringify(value);
  const expected = message.replace(/^[^:.]*[:.] expected /i, 'expected ').replace(/, received .*$/, '');
  return `${expected}, got ${shown.length > 60 ? `${shown.slice(0, 57)}...` : shown}`;
}

function flatten(
  issues: readonly z.core.$ZodIssue[],
  above: readonly PropertyKey[],
): { path: PropertyKey[]; message: string; code: string }[] {
  return issues.flatMap((issue) => {
    const path = [...above, ...issue.path];
    if (issue.code === 'invalid_union' && issue.errors.length > 0) {
      // A branch that fails at its own root is of another type altogether (an object where an array stands).
      const branch = issue.errors.find((found) => found.some((inner) => inner.path.length > 0 || inner.code !== 'invalid_type'));
      if (branch !== undefined) return flatten(branch, path);
    }
    return [{ path, message: issue.message, code: issue.code }];
  });
}
