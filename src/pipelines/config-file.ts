/** Reads a config file, JSON or YAML as its first character says. */
import { dirname, isAbsolute, resolve } from 'node:path';
import { type Document, parseDocument } from 'yaml';
import { ArcletError } from '../core/errors.ts';
import { readInput } from '../io/atomic.ts';
import { openStoreOf } from '../io/store/store.ts';

const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;

export interface ConfigFile {
  /** Absolute path or address. */
  readonly path: string;
  /** Where its relative places start. */
  readonly folder: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** An absolute path, or the address as it is (s3://, http://, file://). Relative places start at `folder`, which may be an address itself. */
export function resolveLocation(location: string, folder: string): string {
  if (SCHEME.test(location) || isAbsolute(location)) return location;
  return SCHEME.test(folder) ? `${folder.replace(/\/+$/, '')}/${location.replace(/^(\.\/)+/, '')}` : resolve(folder, location);
}

/**
 * Reads a config from a path (relative to `cwd`) or s3://.
 *
 * @throws INPUT_UNREADABLE; CONFIG_INVALID with line and column of what is no JSON or YAML
 */
export async function readConfigFile(location: string, cwd: string): Promise<ConfigFile> {
  const path = resolveLocation(location, cwd);
  const bytes = SCHEME.test(path) ? await readObject(path) : await readInput(path);
  const folder = SCHEME.test(path) ? path.slice(0, path.lastIndexOf('/')) : dirname(path);
  return { path, folder, values: parseConfigText(new TextDecoder().decode(bytes), location) };
}

async function readObject(address: string): Promise<Uint8Array> {
  const { store, key } = await openStoreOf(address);
  try {
    return await store.get(key);
  } finally {
    await store.close();
  }
}

/** Keys and values of a config. Throws CONFIG_INVALID for what is neither JSON nor YAML, holds a key twice, or is no list of keys. */
export function parseConfigText(text: string, source: string): Record<string, unknown> {
  const json = text.trimStart().startsWith('{');
  // JSON is read as such: YAML would take a missing comma as part of a text.
  const value = json ? parseJson(text, source) : yamlOf(parseDocument(text), source);
  if (json) checkTwice(parseDocument(text), source);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new ArcletError('CONFIG_INVALID', `${source} is no config: ${value === null ? 'it is empty' : 'it holds no keys'}.`, {
    subject: source,
    remedy: 'Write one `key: value` a line, or a JSON object.',
  });
}

function parseJson(text: string, source: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const why = (cause as SyntaxError).message.replace(/ in JSON at position \d+/, '');
    throw new ArcletError('CONFIG_INVALID', `${source} begins with { and is not JSON: ${why}.`, {
      subject: source,
      remedy: 'Write strict JSON (double quotes, no comments, no comma before a brace), or YAML without outer braces.',
      cause,
    });
  }
}

function yamlOf(document: Document.Parsed, source: string): unknown {
  checkTwice(document, source);
  const [problem] = [...document.errors, ...document.warnings];
  if (problem === undefined) return document.toJS();
  throw new ArcletError('CONFIG_INVALID', `${source} is not YAML: ${firstLine(problem.message)}.`, {
    subject: source,
    remedy: 'Write one `key: value` a line.',
    cause: problem,
  });
}

function checkTwice(document: Document.Parsed, source: string): void {
  const twice = document.errors.find(({ code }) => code === 'DUPLICATE_KEY');
  if (twice === undefined) return;
  throw new ArcletError('CONFIG_INVALID', `${source} holds a key twice: ${firstLine(twice.message).replace(/^.* at /, '')}.`, {
    subject: source,
    remedy: 'Keep one of them.',
    cause: twice,
  });
}

const firstLine = (message: string): string => message.split('\n')[0].replace(/:$/, '');
