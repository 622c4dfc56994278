/** Loads a config whose keys need no more than their schema: layers, checks, and what the run record says of them. */
import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { type ConfigInput, type ConfigSpec, canonicalJson, type Layers, layerConfig, parseLayers } from './layered-config.ts';
import type { LoadedConfig } from './runner.ts';
import { camel } from './schema.ts';

/**
 * @param neutral keys that do not change results, left out of the hash
 * @throws what {@link layerConfig} and {@link parseLayers} throw
 */
export async function loadPlainConfig<S extends z.ZodType>(
  spec: ConfigSpec,
  schema: S,
  neutral: readonly string[],
  input: ConfigInput,
): Promise<LoadedConfig<z.output<S>>> {
  const layers = await layerConfig(spec, input);
  const config = parseLayers(spec, schema, layers);
  return loadedConfig(spec, layers, config, effectiveOf(spec, config as Record<string, unknown>), neutral, []);
}

/** What the runner takes, from a checked config. */
export function loadedConfig<C>(
  spec: ConfigSpec,
  layers: Layers,
  config: C,
  effective: Readonly<Record<string, unknown>>,
  neutral: readonly string[],
  warnings: readonly string[],
): LoadedConfig<C> {
  return {
    config,
    effective,
    origin: Object.fromEntries(Object.keys(spec.keys).map((key) => [key, layers.origin[key] ?? 'default'])),
    overrides: layers.overrides,
    warnings,
    hash: hashOf(effective, neutral),
    path: layers.path,
  };
}

/** Every key in snake_case as it is in force; null where it has no value. `config` has camelCase keys. */
export function effectiveOf(spec: ConfigSpec, config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.keys(spec.keys).map((key) => [key, config[camel(key)] ?? null]));
}

/** SHA-256, hex, of the effective config without some keys. Same content in any order, same hash. */
export function hashOf(effective: Readonly<Record<string, unknown>>, neutral: readonly string[]): string {
  const kept = Object.entries(effective).filter(([key]) => !neutral.includes(key));
  return createHash('sha256')
    .update(canonicalJson(Object.fromEntries(kept)))
    .digest('hex');
}
