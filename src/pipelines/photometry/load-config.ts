/** Loads the config of `arclet fit`: the YAML in sections, `--profile`, `--set section.key=value`, defaults; places become absolute. */
import { homedir } from 'node:os';
import { ArcletError } from '../../core/errors.ts';
import { nearest } from '../../core/nearest.ts';
import { readInput } from '../../io/atomic.ts';
import { parseConfigText, readConfigFile, resolveLocation } from '../config-file.ts';
import {
  type ConfigInput,
  type ConfigSpec,
  canonicalJson,
  invalidConfig,
  type Layers,
  type Origin,
  type Override,
} from '../layered-config.ts';
import { hashOf } from '../plain-config.ts';
import type { LoadedConfig } from '../runner.ts';
import { camel, jsonSchemaOf, problemsOf } from '../schema.ts';
import { FIT_ALIASES, FIT_NEUTRAL, FIT_PLACES, FIT_WORDS, type FitConfig, FitFileSchema, PROFILE } from './config.ts';

/** What the command line takes as flags; the other keys are set with `--set section.key=value`. */
export const FIT_SPEC: ConfigSpec = { help: 'arclet fit run --help', keys: { profile: PROFILE }, aliases: {}, locationKeys: [] };

type Tree = Record<string, unknown>;
interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly default?: unknown;
}

const SCHEMA = jsonSchemaOf(FitFileSchema) as SchemaNode;

/** Dotted paths of all keys that are no sections. */
export const FIT_KEYS: readonly string[] = leaves(SCHEMA, '');

function leaves(node: SchemaNode, prefix: string): string[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, inner]) => {
    const path = `${prefix}${key}`;
    // Keywords of FITS headers are one key's value.
    return inner.properties === undefined || path === 'inputs.header_defaults' ? [path] : leaves(inner, `${path}.`);
  });
}

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * @throws USAGE without a config file; INPUT_UNREADABLE for it and the image list; CONFIG_INVALID for text that is no YAML, a wrong value, `--profile`
 * against the file, two spellings that disagree, an empty image list; CONFIG_UNKNOWN_KEY with the dotted path
 */
export async function loadFitConfig(input: ConfigInput): Promise<LoadedConfig<FitConfig>> {
  const cwd = input.cwd ?? process.cwd();
  if (input.path === undefined) {
    throw new ArcletError('USAGE', 'arclet fit needs a config file.', {
      subject: '--config',
      remedy: 'Give --config FILE.yaml; `arclet fit dump-config` writes one with every key.',
    });
  }
  const file = await readConfigFile(input.path, cwd);
  const source = input.path;
  const values = ownCopy(file.values);
  const warnings = resolveAliases(values, source);
  checkKnown(values, source);
  const origin: Record<string, Origin> = Object.fromEntries(givenKeys(values, '').map((key) => [key, 'config']));
  applyProfile(values, origin, input.flags?.['profile'], source, input.sets ?? []);
  const overrides = (input.sets ?? []).map((set) => applySet(values, origin, set));
  const layers: Layers = { source, path: file.path, values, origin, overrides };
  const parsed = FitFileSchema.safeParse(values);
  if (!parsed.success) throw invalidConfig(FIT_SPEC, layers, problemsOf(parsed.error, values));
  const placed = placesOf(parsed.data as unknown as Tree, file.folder);
  const images = await readImageList(placed.inputs.imageListFile, file.folder);
  const config: FitConfig = { ...placed, images };
  const effective = effectiveOf(SCHEMA, config as unknown as Tree);
  if (config.moffatPsf.modulePath !== null) warnings.push('moffat_psf.module_path is without effect.');
  return {
    config,
    effective,
    origin: Object.fromEntries(FIT_KEYS.map((key) => [key, origin[key] ?? 'default'])),
    overrides,
    warnings,
    hash: fitHash(effective, images),
    path: file.path,
  };
}

/** A copy that can be changed: sections that are null count as not given. */
function ownCopy(values: Readonly<Tree>): Tree {
  const sections = Object.entries(values).filter(([key, value]) => key !== '$schema' && value !== null);
  return structuredClone(Object.fromEntries(sections));
}

const shown = (value: unknown): string => JSON.stringify(value);

function at(values: Tree, path: string): { holder: Tree | undefined; key: string } {
  const parts = path.split('.');
  const key = parts.pop() as string;
  let holder: unknown = values;
  for (const part of parts) holder = isTree(holder) ? holder[part] : undefined;
  return { holder: isTree(holder) ? holder : undefined, key };
}

function put(values: Tree, path: string, value: unknown): void {
  const parts = path.split('.');
  const key = parts.pop() as string;
  let holder = values;
  for (const part of parts) {
    if (!isTree(holder[part])) holder[part] = {};
    holder = holder[part] as Tree;
  }
  holder[key] = value;
}

/** Moves the values of older spellings to today's keys. Returns what to tell. */
function resolveAliases(values: Tree, source: string): string[] {
  const warnings: string[] = [];
  for (const [alias, key] of Object.entries(FIT_ALIASES)) {
    const { holder, key: name } = at(values, alias);
    if (holder === undefined || !Object.hasOwn(holder, name)) continue;
    const value = holder[name];
    delete holder[name];
    if (key === null) {
      warnings.push(`${alias} is without effect.`);
      continue;
    }
    const today = at(values, key);
    const before = today.holder?.[today.key];
    if (before !== undefined && canonicalJson(before) !== canonicalJson(value)) {
      throw new ArcletError(
        'CONFIG_INVALID',
        `${source}: ${alias} = ${shown(value)} and ${key} = ${shown(before)} are the same key with two values.`,
        {
          subject: key,
          remedy: 'Keep one of them.',
        },
      );
    }
    put(values, key, value);
  }
  return warnings;
}

function checkKnown(values: Tree, source: string): void {
  const unknown = unknownPaths(SCHEMA, values, '');
  if (unknown.length === 0) return;
  const each = unknown.map(({ path, siblings }) => `unknown key '${path}', did you mean '${likely(path, siblings)}'?`);
  throw new ArcletError('CONFIG_UNKNOWN_KEY', `${source}: ${each.join('; ')}`, {
    subject: unknown[0].path,
    remedy: `Correct or delete it; \`${FIT_SPEC.help}\` lists the keys.`,
    data: { keys: unknown.map(({ path }) => path) },
  });
}

interface Unknown {
  readonly path: string;
  readonly siblings: readonly string[];
}

function unknownPaths({ properties }: SchemaNode, values: Tree, prefix: string): Unknown[] {
  if (properties === undefined) return [];
  const siblings = Object.keys(properties).map((key) => `${prefix}${key}`);
  return Object.entries(values).flatMap(([key, value]) => {
    const path = `${prefix}${key}`;
    if (!Object.hasOwn(properties, key)) return [{ path, siblings }];
    return isTree(value) ? unknownPaths(properties[key], value, `${path}.`) : [];
  });
}

/** The same name in another section, else the nearest one beside it. */
function likely(path: string, siblings: readonly string[]): string | undefined {
  const name = path.slice(path.lastIndexOf('.') + 1);
  const elsewhere = FIT_KEYS.filter((key) => key.endsWith(`.${name}`));
  return elsewhere.length > 0 ? elsewhere[0] : nearest(path, siblings);
}

function givenKeys(values: Tree, prefix: string): string[] {
  return Object.entries(values).flatMap(([key, value]) => {
    const path = `${prefix}${key}`;
    return isTree(value) && !FIT_KEYS.includes(path) ? givenKeys(value, `${path}.`) : [path];
  });
}

/** A flag fills what the file leaves open; what contradicts it is an error, as everywhere. */
function applyProfile(
  values: Tree,
  origin: Record<string, Origin>,
  flag: string | true | undefined,
  source: string,
  sets: readonly string[],
): void {
  if (flag === undefined) return;
  const filed = values['profile'];
  if (filed === undefined) {
    values['profile'] = flag;
    origin['profile'] = 'flag';
    return;
  }
  if (filed === flag || sets.some((set) => set.startsWith('profile='))) return;
  throw new ArcletError(
    'CONFIG_INVALID',
    `${source} says profile = ${shown(filed)}, but the command line says --profile ${shown(flag)}.`,
    {
      subject: 'profile',
      remedy: `Leave the flag out, or override on purpose with --set profile=${String(flag)}.`,
    },
  );
}

function applySet(values: Tree, origin: Record<string, Origin>, set: string): Override {
  const equals = set.indexOf('=');
  if (equals < 1)
    throw new ArcletError('USAGE', `--set ${set} gives no value.`, { subject: set, remedy: 'Write --set section.key=value.' });
  const spelled = set.slice(0, equals).trim();
  const key = FIT_ALIASES[spelled] ?? spelled;
  const value = parseConfigText(`value: ${set.slice(equals + 1)}`, '--set')['value'];
  const { holder, key: name } = at(values, key);
  const override: Override = { key, value, instead_of: holder?.[name] ?? null, instead_of_origin: origin[key] ?? 'default' };
  put(values, key, value);
  checkKnown(values, '--set');
  origin[key] = 'set';
  return override;
}

/** Absolute places: `~` is the home folder, relative ones start at the config's folder or at the work folder. */
function placesOf(config: Tree, folder: string): Omit<FitConfig, 'images'> {
  const work = resolveLocation(atHome(String((config['outputs'] as Tree)['workDir'])), folder);
  for (const [path, base] of Object.entries(FIT_PLACES)) {
    const { holder, key } = at(config, path.split('.').map(camel).join('.'));
    const value = holder?.[key];
    if (holder === undefined || typeof value !== 'string' || FIT_WORDS[path]?.includes(value.trim().toLowerCase())) continue;
    holder[key] = resolveLocation(atHome(value), base === 'config' ? folder : work);
  }
  return config as unknown as Omit<FitConfig, 'images'>;
}

const atHome = (path: string): string => (path === '~' || path.startsWith('~/') ? `${homedir()}${path.slice(1)}` : path);

/**
 * Paths of an image list, one a line, relative to the folder of the config; blank lines and lines that begin with # are skipped.
 *
 * @throws INPUT_UNREADABLE; INPUT_INVALID for what is no text, no paths, or one that stands twice
 */
export async function readImageList(path: string, folder: string): Promise<string[]> {
  const text = new TextDecoder().decode(await readInput(path));
  if (/[\0\ufffd]/.test(text) || text.startsWith('SIMPLE  =')) {
    throw new ArcletError('INPUT_INVALID', `${path} is no text file.`, {
      subject: path,
      remedy: 'Give a text file with one FITS path a line in inputs.image_list_file, also for a single image.',
    });
  }
  const lines = text.split(/\r?\n/);
  const images = lines
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => resolveLocation(atHome(line), folder));
  if (images.length === 0) {
    throw new ArcletError('INPUT_INVALID', `${path} names no image.`, { subject: path, remedy: 'Write one FITS path a line.' });
  }
  const seen = new Set<string>();
  const twice = images.find((image) => seen.size === seen.add(image).size);
  if (twice !== undefined) {
    throw new ArcletError('INPUT_INVALID', `${path} names ${twice} twice.`, { subject: twice, remedy: 'Keep one of the lines.' });
  }
  return images;
}

/** Keys in snake_case in their sections, as a config file has them. */
function effectiveOf({ properties = {} }: SchemaNode, config: Tree): Tree {
  const entries = Object.entries(properties).map(([key, node]) => {
    const value = config[camel(key)];
    return [key, node.properties !== undefined && isTree(value) ? effectiveOf(node, value) : value] as const;
  });
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** SHA-256 of what decides numbers: every key but the neutral ones, and the images. */
function fitHash(effective: Tree, images: readonly string[]): string {
  const isNeutral = (key: string) => FIT_NEUTRAL.some((neutral) => key === neutral || key.startsWith(`${neutral}.`));
  const flat = FIT_KEYS.filter((key) => !isNeutral(key)).map((path) => {
    const { holder, key } = at(effective, path);
    return [path, holder?.[key]] as const;
  });
  return hashOf({ ...Object.fromEntries(flat), images }, []);
}
