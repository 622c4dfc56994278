/** Loads the config of an injection campaign from file, flags and `--set`, completes it and checks what no key can tell alone. */
import { ArcletError } from '../../core/errors.ts';
import { CONVENTION_PRESETS } from '../../sky/conventions.ts';
import {
  type ConfigInput,
  type ConfigSpec,
  dashed,
  invalidConfig,
  type Layers,
  layerConfig,
  parseLayers,
} from '../layered-config.ts';
import { effectiveOf, hashOf, loadedConfig } from '../plain-config.ts';
import type { LoadedConfig } from '../runner.ts';
import { type CamelKeys, camel, snake } from '../schema.ts';
import { INJECT_ALIASES, INJECT_KEYS, type InjectConfig, InjectConfigSchema, LOCATION_KEYS, NEUTRAL_KEYS } from './config.ts';
import { configProblems } from './config-rules.ts';

export const INJECT_SPEC: ConfigSpec = {
  help: 'arclet inject <stage> --help',
  keys: INJECT_KEYS,
  aliases: INJECT_ALIASES,
  locationKeys: LOCATION_KEYS,
};

/** Keys of the convention presets. */
const PRESET_KEYS = {
  theta_e_convention: 'thetaE',
  r_eff_convention: 'halfLight',
  bn_convention: 'bn',
  psf_size_semantics: 'psfSize',
} as const;

/**
 * @throws INPUT_UNREADABLE; CONFIG_INVALID for text that is no JSON or YAML, a wrong value, a flag against the file, two spellings that
 * disagree, keys that do not go together; CONFIG_UNKNOWN_KEY; USAGE
 */
export async function loadInjectConfig(input: ConfigInput): Promise<LoadedConfig<InjectConfig>> {
  const layers = await layerConfig(INJECT_SPEC, input);
  const given = Object.keys(layers.origin);
  fillPresets(layers);
  const config = parseLayers(INJECT_SPEC, InjectConfigSchema, layers);
  // The originals' word for it.
  if (config.sourceMode === 'cosmos') config.sourceMode = 'template';
  config.bandsets ??= [config.bands.join('')];
  if (!given.includes('reference_band') && !config.bands.includes(config.referenceBand))
    config.referenceBand = config.bands[(config.bands.length - 1) >> 1];
  const problems = configProblems(config, given);
  if (problems.length > 0) throw invalidConfig(INJECT_SPEC, layers, problems);
  return loadedConfig(INJECT_SPEC, layers, config, effectiveInject(config), NEUTRAL, warningsOf(config, given));
}

function fillPresets({ values, origin }: Layers): void {
  const preset = values['conventions'] ?? 'arclet';
  // A wrong name is reported with the other wrong values.
  if (typeof preset !== 'string' || !Object.hasOwn(CONVENTION_PRESETS, preset)) return;
  const choices = CONVENTION_PRESETS[preset as keyof typeof CONVENTION_PRESETS];
  for (const [key, choice] of Object.entries(PRESET_KEYS)) {
    if (values[key] !== undefined) continue;
    values[key] = choices[choice];
    origin[key] = 'preset';
  }
}

function effectiveInject(config: InjectConfig): Record<string, unknown> {
  const effective = effectiveOf(INJECT_SPEC, config);
  const grid = config.customGrid;
  if (grid !== undefined)
    effective['custom_grid'] = Object.fromEntries(Object.entries(grid).map(([key, value]) => [snake(key), value]));
  return effective;
}

/** Without effect on rows: the four conventions are in force as values, so the preset's name adds nothing. */
const NEUTRAL: readonly string[] = [...NEUTRAL_KEYS, 'conventions'];

/** SHA-256, hex, of what decides rows: the effective config, presets resolved, without {@link NEUTRAL_KEYS} and the name of the preset. */
export function configHash(effective: Readonly<Record<string, unknown>>): string {
  return hashOf(effective, NEUTRAL);
}

type Key = keyof typeof INJECT_KEYS;
/** A config in which these keys have values. */
type With<K extends Key> = InjectConfig & Required<Pick<InjectConfig, keyof CamelKeys<Record<K, never>> & keyof InjectConfig>>;

/** The config, when it has the keys that a stage cannot do without. Throws CONFIG_INVALID naming those it lacks and their other spellings. */
export function requireKeys<K extends Key>(config: InjectConfig, stage: string, keys: readonly K[]): With<K> {
  const values = config as Record<string, unknown>;
  const missing = keys.filter((key) => values[camel(key)] === undefined);
  if (missing.length === 0) return config as With<K>;
  const named = missing.map((key) => {
    const aliases = Object.entries(INJECT_ALIASES).flatMap(([alias, of]) => (of === key ? [alias] : []));
    return aliases.length === 0 ? key : `${key} (or ${aliases.join(', ')})`;
  });
  throw new ArcletError('CONFIG_INVALID', `Stage ${stage} needs ${named.join(' and ')}, which the config does not give.`, {
    subject: missing[0],
    remedy: `Add it to the config, or give --${dashed(missing[0])}.`,
    data: { missing },
  });
}

function warningsOf(config: InjectConfig, given: readonly string[]): string[] {
  const warnings: string[] = [];
  for (const key of ['cache_partitions', 'sweep_partitions'] as const)
    if (given.includes(key)) warnings.push(`${key} has no effect: ${INJECT_KEYS[key].description?.replace(/^accepted: /, '')}`);
  if (!config.skipIfExists)
    warnings.push('skip_if_exists = false has no effect: finished parts of the same config are skipped unless force is set');
  if (config.templateBank !== undefined && config.sourceMode === 'sersic')
    warnings.push('template_bank has no effect: source_mode is sersic');
  if (config.customGrid !== undefined && ![config.gridDebug, config.gridGrid, config.gridTrain].includes('custom'))
    warnings.push('custom_grid has no effect: no tier has the grid custom');
  return warnings;
}
