/** The experiments of a config: tier x stamp size x bandset, each with the plan of its rows, and the guard on their number. */
import { ArcletError } from '../../../core/errors.ts';
import { CONVENTION_PRESETS } from '../../../sky/conventions.ts';
import type { InjectConfig } from '../config.ts';
import { experimentIdOf } from '../layout.ts';
import { SPLITS } from './hosts.ts';
import { planRows, type RowPlan } from './plan.ts';
import type { Prepared } from './prepare.ts';
import type { Experiment } from './rows.ts';
import { CONTROL_CONFIG, hostHashes, type Sample, sampleRows, sampleTier, type Tier, tiersOf } from './sampling.ts';

export interface PlannedExperiment {
  readonly experiment: Experiment;
  /** Rows that are wanted, before a pre-pass or unplaced sources take some away. */
  readonly rows: number;
  /** Hosts that were sampled, by split. */
  readonly hostsBySplit: Readonly<Record<string, number>>;
  /** Splits that have more hosts than the tier takes. */
  readonly cappedSplits: readonly string[];
  /** Lays the rows out, now: one plan at a time is in memory. */
  plan(): RowPlan;
}

export interface Campaign {
  readonly experiments: readonly PlannedExperiment[];
  readonly rows: number;
  readonly warnings: readonly string[];
}

/** Sets of bands by letter; all bands together unless the config says otherwise. */
export function bandsetsOf({ bandsets, bands }: Pick<InjectConfig, 'bandsets' | 'bands'>): readonly string[] {
  return bandsets ?? [bands.join('')];
}

/**
 * Samples the hosts of every tier.
 *
 * @throws CONFIG_INVALID when there are more rows than max_total_tasks_soft, or `experiment_id` is none of several experiments
 */
export function planCampaign(prepared: Prepared, config: InjectConfig, version: string): Campaign {
  const { hosts, sets, split } = prepared;
  const hashes = hostHashes(hosts, config.splitSeed);
  const warnings: string[] = [];
  const combinations = tiersOf(config).flatMap((tier) =>
    config.stampSizes.flatMap((stampSize) =>
      bandsetsOf(config).map((bandset) => ({
        tier,
        stampSize,
        bandset,
        id: experimentIdOf(tier.name, stampSize, bandset, tier.gridName),
      })),
    ),
  );
  const wanted = chooseExperiments(combinations, config.experimentId);
  const samples = new Map<Tier, Sample>();
  for (const { tier } of wanted) {
    if (samples.has(tier)) continue;
    const sample = sampleTier(tier, sets, split, prepared.stratum, hashes, config.unpairedControls);
    samples.set(tier, sample);
    warnings.push(...shortages(tier, sample));
  }
  const experiments = wanted.map(({ tier, stampSize, bandset, id }): PlannedExperiment => {
    const sample = samples.get(tier) as Sample;
    const all = sampleRows(sample, tier, config.replicates);
    return {
      experiment: {
        ...experimentOf(prepared, config, version),
        id,
        tier,
        stampSize,
        bandset,
        pairedControlFrac: config.unpairedControls ? 0 : tier.controlFrac,
      },
      rows: config.testLimit > 0 ? Math.min(all, config.testLimit) : all,
      hostsBySplit: sampledHosts(sample, split),
      cappedSplits: sample.capped,
      plan: () =>
        planRows(sample, tier, hosts, split, {
          replicates: config.replicates,
          candidates: config.targetArcSnr === 'off' ? config.replicates : config.replicates * config.targetArcSnrCandidates,
          limit: config.testLimit * (config.targetArcSnr === 'off' ? 1 : config.targetArcSnrCandidates),
        }),
    };
  });
  const rows = experiments.reduce((sum, { rows }) => sum + rows, 0);
  guardRows(rows, config.maxTotalTasksSoft, experiments);
  return { experiments, rows, warnings };
}

type Combination = { readonly id: string; readonly tier: Tier; readonly stampSize: number; readonly bandset: string };

/** The experiment that the config names, by its own id or, when there is one, as its new name. */
function chooseExperiments(all: readonly Combination[], id: string | undefined): Combination[] {
  if (id === undefined) return [...all];
  const named = all.filter((one) => one.id === id);
  if (named.length > 0) return named;
  if (all.length === 1) return [{ ...all[0], id }];
  throw new ArcletError('CONFIG_INVALID', `experiment_id ${id} is none of the ${all.length} experiments of this config.`, {
    subject: 'experiment_id',
    remedy: `Choose among ${all.map((one) => one.id).join(', ')}.`,
  });
}

function experimentOf(
  prepared: Prepared,
  config: InjectConfig,
  version: string,
): Omit<Experiment, 'id' | 'tier' | 'stampSize' | 'bandset' | 'pairedControlFrac'> {
  const { hosts, sets, split, regionId, psfBin, depthBin, splitBy } = prepared;
  return {
    hosts,
    sets,
    split,
    regionId,
    isHealpix: splitBy === 'healpix',
    psfBin,
    depthBin,
    prior: config.prior,
    placement: config.placement,
    convention: config.thetaEConvention ?? CONVENTION_PRESETS[config.conventions].thetaE,
    hostConditioned: config.hostConditioned,
    seedBase: config.seedBase,
    pipelineVersion: `arclet ${version}`,
  };
}

/** Different hosts of a sample in each split: one host may be in several sets. */
function sampledHosts(sample: Sample, split: Uint8Array): Record<string, number> {
  const counts = SPLITS.map((name) => [name, 0] as [string, number]);
  for (const host of new Set(sample.host)) counts[split[host]][1]++;
  return Object.fromEntries(counts);
}

/** Throws CONFIG_INVALID when there are more rows than allowed; 0 allows any number. */
export function guardRows(
  rows: number,
  most: number,
  experiments: readonly { readonly rows: number; readonly experiment: { readonly id: string } }[],
): void {
  if (most === 0 || rows <= most) return;
  const each = experiments.map(({ rows: own, experiment }) => `${experiment.id} ${own}`).join(', ');
  throw new ArcletError('CONFIG_INVALID', `The config plans ${rows} rows, more than max_total_tasks_soft ${most}: ${each}.`, {
    subject: 'max_total_tasks_soft',
    remedy: 'Take fewer tiers, hosts or replicates, a smaller grid, or raise max_total_tasks_soft (0: no limit).',
    data: { rows, most },
  });
}

function shortages(tier: Tier, sample: Sample): string[] {
  const { name } = tier;
  const sentence = (what: 'hosts' | 'controls') => {
    const missing = sample.short.filter((one) => one.what === what);
    if (missing.length === 0) return [];
    const [{ set, split, wanted, found }] = missing;
    const share =
      what === 'hosts'
        ? ''
        : ` Controls are ${percent(controlShare(tier, sample))} of the rows, and control_frac_${name} asks for ${percent(tier.controlFrac)}: give more targets, or fewer configs or positives.`;
    return [
      `Tier ${name}: ${missing.length} pairs of set and split have fewer ${what} than asked for, such as ${found} of ${wanted} in ${set}, ${split}.${share}`,
    ];
  };
  // That a train tier takes every host there is, is how a small survey is used.
  return [...(name === 'train' ? [] : sentence('hosts')), ...sentence('controls')];
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Controls among the rows of a sample. */
function controlShare(tier: Tier, sample: Sample): number {
  const controls = sample.config.reduce((sum, config) => sum + (config === CONTROL_CONFIG ? 1 : 0), 0);
  return controls / Math.max(1, sampleRows(sample, tier, 1));
}
