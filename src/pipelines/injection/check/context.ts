/** What an experiment is expected to be. */
import type { InjectConfig } from '../config.ts';

/** A config that says where the results are. */
export type LocatedConfig = InjectConfig & { readonly output: string };

export interface Expected {
  readonly config: LocatedConfig;
  readonly experimentId: string;
  readonly tier: 'debug' | 'grid' | 'train' | undefined;
  /** Bands that stamps of this experiment have. */
  readonly bands: readonly string[];
  /** Band of the metrics without a band in their name. */
  readonly reference: string;
}

const NAME = /^(?:(debug|grid|train)_)?.*?stamp\d+_bands([A-Za-z]+)(?:_|$)/;

/** By the experiment's own name `<tier>_stamp<size>_bands<bandset>_grid<grid>`, and by the config where the name says nothing. */
export function expectedOf(config: LocatedConfig, experimentId: string): Expected {
  const [, tier, bandset] = NAME.exec(experimentId) ?? [];
  const named = config.bands.filter((band) => bandset?.includes(band));
  const bands = named.length > 0 ? named : config.bands;
  const reference = bands.includes(config.referenceBand) ? config.referenceBand : bands[Math.floor(bands.length / 2)];
  const only = config.tiers.length === 1 ? config.tiers[0] : undefined;
  return { config, experimentId, tier: (tier as Expected['tier']) ?? only, bands, reference };
}

/** Share of controls that the config asks for; undefined when the tier is not known. */
export function controlShare({ config, tier }: Expected): number | undefined {
  if (tier === undefined) return undefined;
  return { debug: config.controlFracDebug, grid: config.controlFracGrid, train: config.controlFracTrain }[tier];
}
