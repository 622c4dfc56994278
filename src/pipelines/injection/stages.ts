/** The stages of injection in order. Each is loaded when it is asked for, so that `arclet inject cache` needs no kernels. */
import { ArcletError } from '../../core/errors.ts';
import type { Shard, Stage } from '../stage.ts';
import type { InjectConfig } from './config.ts';
import { joinLocation, phaseFolder } from './layout.ts';
import { requireKeys } from './load-config.ts';

export interface StageEntry {
  readonly name: string;
  /** The originals' number. */
  readonly aliases: readonly string[];
  /** A few words for lists of commands; the stage itself has the sentence. */
  readonly words: string;
  /** Its folder: `<output>/phase<phase>/<variant>`. */
  readonly phase: string;
  /** Whether `--shard i/n` cuts its work. */
  readonly sharded: boolean;
  /** Part of `inject run` without being asked for. */
  readonly inRun: boolean;
  load(): Promise<Stage<InjectConfig>>;
}

export const INJECT_STAGES: readonly StageEntry[] = [
  {
    name: 'manifest',
    aliases: ['4a'],
    words: 'plan every row: host, lens, source, split',
    phase: '4a',
    sharded: false,
    inRun: true,
    load: async () => (await import('./manifest.ts')).manifestStage,
  },
  {
    name: 'cache',
    aliases: ['4b'],
    words: 'fetch and verify the bricks',
    phase: '4b',
    sharded: true,
    inRun: true,
    load: async () => (await import('./cache.ts')).cacheStage,
  },
  {
    name: 'inject',
    aliases: ['4c'],
    words: 'cut, draw, add, measure and write stamps',
    phase: '4c',
    sharded: true,
    inRun: true,
    load: async () => (await import('./inject.ts')).injectStage,
  },
  {
    name: 'check',
    aliases: [],
    words: 'say GO or NO-GO, with the reasons',
    phase: 'check',
    sharded: false,
    inRun: true,
    load: async () => (await import('./check.ts')).checkStage,
  },
  {
    name: 'audit',
    aliases: [],
    words: 'probe the stamps for what gives labels away',
    phase: 'audit',
    sharded: false,
    inRun: false,
    load: async () => (await import('./audit.ts')).auditStage,
  },
  {
    name: 'completeness',
    aliases: ['4d'],
    words: 'recovered fractions with their errors',
    phase: '4d',
    sharded: false,
    inRun: true,
    load: async () => (await import('./completeness.ts')).completenessStage,
  },
  {
    name: 'compact',
    aliases: ['4p5'],
    words: 'merge parts and verify the counts',
    phase: '4p5',
    sharded: false,
    inRun: false,
    load: async () => (await import('./compact.ts')).compactStage,
  },
  {
    name: 'report',
    aliases: [],
    words: 'one page of the whole run',
    phase: 'report',
    sharded: false,
    inRun: true,
    load: async () => (await import('./report.ts')).reportStage,
  },
];

/** Stages of `inject run` in order; `extra` are those that only run when asked for. Throws USAGE for another name. */
export function stagesOfRun(extra: readonly string[]): StageEntry[] {
  const optional = INJECT_STAGES.filter(({ inRun }) => !inRun).map(({ name }) => name);
  const strange = extra.find((name) => !optional.includes(name));
  if (strange !== undefined) {
    throw new ArcletError('USAGE', `There is no stage '${strange}' to add to a run.`, {
      subject: strange,
      remedy: `--with takes ${optional.join(' and ')}.`,
    });
  }
  return INJECT_STAGES.filter(({ name, inRun }) => inRun || extra.includes(name));
}

/** Where a stage's run record goes. Throws CONFIG_INVALID when the config has no output. */
export function recordLocationOf(
  { name, phase }: Pick<StageEntry, 'name' | 'phase'>,
  config: InjectConfig,
  shard: Shard,
): string {
  const { output, variant, manifestsSubdir } = requireKeys(config, name, ['output']);
  const suffix = shard.count === 1 ? '' : `_shard-${shard.index + 1}-of-${shard.count}`;
  return joinLocation(phaseFolder({ output, variant, manifestsSubdir }, phase), `_stage_config_${name}${suffix}.json`);
}

/** Throws USAGE when the work of a stage cannot be cut. */
export function checkShard(name: string, sharded: boolean, { index, count }: Shard): void {
  if (sharded || count === 1) return;
  throw new ArcletError('USAGE', `Stage ${name} is not cut into shards, but --shard ${index + 1}/${count} was given.`, {
    subject: name,
    remedy: 'Run it once without --shard; cache and inject take shards.',
  });
}
