/** The record beside an experiment's stamps, under the name and with the keys of the originals. */
import { writeJson } from '../../record.ts';
import type { StageContext } from '../../stage.ts';
import { joinLocation, type LayoutConfig, phaseFolder } from '../layout.ts';

/**
 * Writes `run_config_<experiment_id>.json` beside an experiment's stamps, before its first row: the originals' keys at the top, the whole
 * run record below them. Throws OUTPUT_UNWRITABLE.
 */
export async function writeRunConfig(
  { record, version }: Pick<StageContext, 'record' | 'version'>,
  layout: LayoutConfig,
  experimentId: string,
  facts: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const config = (record.current['config'] ?? {}) as Record<string, unknown>;
  const theirs = {
    stage: '4c',
    variant: layout.variant,
    experiment_id: experimentId,
    source_mode: config['source_mode'] ?? null,
    cosmos_bank_h5: config['template_bank'] ?? null,
    cosmos_salt: config['template_salt'] ?? null,
    seed_base: config['seed_base'] ?? null,
    psf_model: config['psf_model'] ?? null,
    moffat_beta: config['moffat_beta'] ?? null,
    split_seed: config['split_seed'] ?? null,
    execution_timestamp_utc: record.current['started_utc'] ?? null,
    runtime: `arclet ${version}, Node ${process.version}`,
  };
  const location = joinLocation(phaseFolder(layout, '4c'), `run_config_${experimentId}.json`);
  await writeJson(location, { ...theirs, ...facts, run: record.current });
}
