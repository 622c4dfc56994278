/**
 * A config from its layers: the file, flags that fill what the file leaves open, and `--set`, which overrides on purpose. A flag that
 * contradicts the file is an error: who reads the file afterwards would be misled.
 */
import type { z } from 'zod';
import { ArcletError } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import { parseConfigText, readConfigFile, resolveLocation } from './config-file.ts';
import { jsonSchemaOf, type Problem, problemsOf } from './schema.ts';

/** What a config may hold. */
export interface ConfigSpec {
  /** Command whose help lists the keys. */
  readonly help: string;
  readonly keys: Readonly<Record<string, z.ZodType>>;
  /** Other spellings. */
  readonly aliases: Readonly<Record<string, string>>;
  /** Keys that are places. */
  readonly locationKeys: readonly string[];
}

export interface ConfigInput {
  /** Path or s3:// of a JSON or YAML file. */
  readonly path?: string;
  /** By key or alias, in snake_case; true is a flag without a value. */
  readonly flags?: Readonly<Record<string, string | true>>;
  /** `key=value`. */
  readonly sets?: readonly string[];
  readonly cwd?: string;
}

/** Where the value of a key is from. */
export type Origin = 'config' | 'flag' | 'set' | 'preset' | 'default';

/** A value that `--set` put in the place of another; for the run record. */
export interface Override {
  readonly key: string;
  readonly value: unknown;
  /** null where neither file nor flag had one. */
  readonly instead_of: unknown;
  readonly instead_of_origin: Origin;
}

export interface Layers {
  /** How messages call the config: its path, or `the flags`. */
  readonly source: string;
  /** Absolute. */
  readonly path: string | undefined;
  /** Given values by key (aliases resolved, places absolute), unchecked. */
  readonly values: Record<string, unknown>;
  readonly origin: Record<string, Origin>;
  readonly overrides: readonly Override[];
}

interface Given {
  /** As it was spelled. */
  readonly name: string;
  readonly value: unknown;
}

/**
 * Puts the layers together. A key that is null in the file counts as not given.
 *
 * @throws INPUT_UNREADABLE, CONFIG_INVALID, CONFIG_UNKNOWN_KEY (naming the nearest known one), USAGE for a `--set` without `=`
 */
export async function layerConfig(spec: ConfigSpec, input: ConfigInput): Promise<Layers> {
  const cwd = input.cwd ?? process.cwd();
  const file = input.path === undefined ? undefined : await readConfigFile(input.path, cwd);
  const source = input.path ?? 'the flags';
  // `$schema` is for the editor.
  const entries = Object.entries(file?.values ?? {}).filter(([name]) => name !== '$schema');
  const fromFile = gather(spec, entries, source, file?.folder ?? cwd);
  const flags = Object.entries(input.flags ?? {}).map(([name, value]) => [name, ofText(value, `--${dashed(name)}`)] as const);
  const fromFlags = gather(spec, flags, 'the flags', cwd, (name) => `--${dashed(name)}`);
  const sets = (input.sets ?? []).map(splitSet);
  const fromSets = gather(spec, sets, '--set', cwd, (name) => `--set ${name}`);

  const values: Record<string, unknown> = {};
  const origin: Record<string, Origin> = {};
  for (const [key, { value }] of fromFile) [values[key], origin[key]] = [value, 'config'];
  for (const [key, { name, value }] of fromFlags) {
    const filed = fromFile.get(key);
    if (filed === undefined) [values[key], origin[key]] = [value, 'flag'];
    else if (!same(spec, key, filed.value, value) && !fromSets.has(key)) throw contradiction(source, key, filed, name, value);
  }
  const overrides: Override[] = [];
  for (const [key, { value }] of fromSets) {
    overrides.push({ key, value, instead_of: values[key] ?? null, instead_of_origin: origin[key] ?? 'default' });
    [values[key], origin[key]] = [value, 'set'];
  }
  return { source, path: file?.path, values, origin, overrides };
}

/** Values of one layer by key. Throws CONFIG_UNKNOWN_KEY, and CONFIG_INVALID when two spellings of one key disagree. */
function gather(
  spec: ConfigSpec,
  entries: readonly (readonly [name: string, value: unknown])[],
  source: string,
  folder: string,
  spelled: (name: string) => string = (name) => name,
): Map<string, Given> {
  const unknown = entries.map(([name]) => name).filter((name) => !isKnown(spec, name));
  if (unknown.length > 0) throw unknownKeys(spec, unknown, source);
  const found = new Map<string, Given>();
  for (const [name, given] of entries) {
    if (given === null || given === undefined) continue;
    const key = spec.aliases[name] ?? name;
    const value = spec.locationKeys.includes(key) ? resolved(spec, key, given, folder) : given;
    const before = found.get(key);
    if (before === undefined) found.set(key, { name: spelled(name), value });
    else if (!same(spec, key, before.value, value)) {
      const [first, second] = [`${before.name} = ${shown(before.value)}`, `${spelled(name)} = ${shown(value)}`];
      throw new ArcletError('CONFIG_INVALID', `${source}: ${first} and ${second} are the same key with two values.`, {
        subject: key,
        remedy: 'Keep one of them.',
      });
    }
  }
  return found;
}

/** A place, or a list of places, also as comma-separated text; other values are left to the schema to refuse. */
function resolved(spec: ConfigSpec, key: string, given: unknown, folder: string): unknown {
  const isList = jsonSchemaOf(spec.keys[key]).type === 'array';
  const places =
    isList && typeof given === 'string'
      ? given
          .split(',')
          .map((place) => place.trim())
          .filter(Boolean)
      : given;
  const absolute = (place: unknown) => (typeof place === 'string' && place !== '' ? resolveLocation(place, folder) : place);
  return Array.isArray(places) ? places.map(absolute) : absolute(places);
}

const isKnown = (spec: ConfigSpec, name: string): boolean => Object.hasOwn(spec.keys, name) || Object.hasOwn(spec.aliases, name);

/** The error for keys that nobody knows, with the nearest known one each. */
export function unknownKeys(spec: ConfigSpec, names: readonly string[], source: string): ArcletError {
  const known = [...Object.keys(spec.keys), ...Object.keys(spec.aliases)];
  const each = names.map((name) => `unknown key '${name}', did you mean '${nearest(name, known)}'?`);
  return new ArcletError('CONFIG_UNKNOWN_KEY', `${source}: ${each.join('; ')}`, {
    subject: names[0],
    remedy: `Correct or delete it; \`${spec.help}\` lists the keys.`,
    data: { keys: names },
  });
}

function splitSet(text: string): readonly [string, unknown] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at).trim().replaceAll('-', '_'), ofText(text.slice(at + 1), '--set')];
  throw new ArcletError('USAGE', `--set ${text} gives no value.`, { subject: text, remedy: 'Write --set key=value.' });
}

/** Text of a flag: what begins as a list or an object is JSON (or YAML in braces), the rest stays text, which the schema converts. */
function ofText(text: string | true, source: string): unknown {
  if (text === true || !/^\s*[[{]/.test(text)) return text;
  return parseConfigText(`value: ${text}`, source)['value'];
}

/** Whether two values mean the same to the key's schema: `g,r,z` and ["g", "r", "z"], 1 and true. */
function same(spec: ConfigSpec, key: string, a: unknown, b: unknown): boolean {
  const [first, second] = [a, b].map((value) => {
    const parsed = spec.keys[key].safeParse(value);
    return canonicalJson(parsed.success ? parsed.data : value);
  });
  return first === second;
}

function contradiction(source: string, key: string, filed: Given, flag: string, value: unknown): ArcletError {
  return new ArcletError(
    'CONFIG_INVALID',
    `${source} says ${filed.name} = ${shown(filed.value)}, but the command line says ${flag} ${shown(value)}.`,
    {
      subject: key,
      remedy: `Leave the flag out, or override on purpose with --set ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}.`,
    },
  );
}

const shown = (value: unknown): string => JSON.stringify(value);
export const dashed = (key: string): string => key.replaceAll('_', '-');

/** JSON with sorted keys and without null and undefined entries: equal for equal content. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) return item;
    const entries = Object.entries(item).filter(([, inner]) => inner !== null && inner !== undefined);
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** Checks the layers. Throws CONFIG_INVALID naming key, value, what was expected and where the value is from. */
export function parseLayers<S extends z.ZodType>(spec: ConfigSpec, schema: S, layers: Layers): z.output<S> {
  const parsed = schema.safeParse(layers.values);
  if (parsed.success) return parsed.data;
  throw invalidConfig(spec, layers, problemsOf(parsed.error, layers.values));
}

/** The error for wrong values: the first in the message, all in its data. */
export function invalidConfig(spec: ConfigSpec, layers: Layers, problems: readonly Problem[]): ArcletError {
  const [first] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  const key = /^[^.[]*/.exec(first.path)?.[0] ?? '';
  const from = layers.origin[key] === 'flag' ? 'flag' : layers.origin[key] === 'set' ? '--set' : layers.source;
  return new ArcletError('CONFIG_INVALID', `${from}: ${first.path}: ${first.message}${more}.`, {
    subject: key,
    remedy: `Correct the value; \`${spec.help}\` lists every key with its unit and default.`,
    data: { problems },
  });
}
