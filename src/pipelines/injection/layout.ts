/**
 * Where a run keeps its files. The originals' layout: `<output>/phase4a/<variant>/<manifests_subdir>/<experiment_id>/`,
 * `<output>/phase4c/<variant>/{stamps,metrics}/<experiment_id>/region_split=<split>/part-*.parquet` and `run_config_<experiment_id>.json`.
 */
export type Dataset = 'stamps' | 'metrics';

/** Joins with forward slashes; works for paths and for s3:// addresses. */
export function joinLocation(base: string, ...parts: readonly string[]): string {
  return [base.replace(/\/+$/, ''), ...parts].join('/');
}

export interface LayoutConfig {
  /** Absolute path or s3:// address. */
  readonly output: string;
  readonly variant: string;
  readonly manifestsSubdir: string;
}

/** Folder of one stage's files: phase `4a`, `4b`, `4c`, `4d`, `4p5`, `check`, `audit`, `report`. */
export function phaseFolder({ output, variant }: LayoutConfig, phase: string): string {
  return joinLocation(output, `phase${phase}`, variant);
}

/** Folder that holds one folder of manifest parts per experiment. */
export function manifestFolder(config: LayoutConfig): string {
  return joinLocation(phaseFolder(config, '4a'), config.manifestsSubdir);
}

/** Folder of one experiment's stamps or metrics; below it `region_split=<split>/`. */
export function datasetFolder(config: LayoutConfig, dataset: Dataset, experimentId: string): string {
  return joinLocation(phaseFolder(config, '4c'), dataset, experimentId);
}

/** Name of a part: its number in the manifest, so that every shard and every rerun gives a part the same name. */
export function partName(split: string, number: number): string {
  return `region_split=${split}/part-${String(number).padStart(5, '0')}.parquet`;
}

/** `<tier>_stamp<size>_bands<bandset>_grid<grid>`, as the originals name an experiment. */
export function experimentIdOf(tier: string, stampSize: number, bandset: string, grid: string): string {
  return `${tier}_stamp${stampSize}_bands${bandset}_grid${grid}`;
}
