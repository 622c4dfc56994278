/** What writing a manifest came to, however its rows were made. */
import { ArcletError } from '../../../core/errors.ts';
import type { StageContext } from '../../stage.ts';
import type { Rejected } from './rejected.ts';
import type { ManifestFacts, WrittenExperiment } from './write.ts';

export interface Written {
  readonly experiments: readonly WrittenExperiment[];
  readonly bricks: number;
  readonly rejected: Rejected;
  readonly warnings: readonly string[];
  readonly facts: Readonly<Record<string, unknown>>;
  readonly seconds: Readonly<Record<string, number>>;
  readonly summary: readonly string[];
}

/** What the files of a run say about it. */
export const factsOf = ({ record, version }: StageContext): ManifestFacts => ({ configHash: record.configHash, version });

/** Throws INPUT_INVALID where there is no row, with the reasons. */
export function refuseEmpty(experiments: readonly { readonly rows: number }[], targets: string, rejected: Rejected): void {
  if (experiments.some(({ rows }) => rows > 0)) return;
  const why = Object.entries(rejected.counts).map(([reason, count]) => `${reason} ${count}`);
  throw new ArcletError('INPUT_INVALID', `${targets} gives no row${why.length === 0 ? '' : `: ${why.join(', ')} left out`}.`, {
    subject: targets,
    remedy: 'Check the targets, the selection sets and the splits.',
    data: { rejected: rejected.counts },
  });
}
