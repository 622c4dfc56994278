/** What every command with a config does before its work: work folder, log file, snapshot of the config, place of the run record. */
import type { FinishedStage, LoadedConfig } from '../runner.ts';
import type { StageLog } from '../stage.ts';
import type { FitConfig } from './config.ts';
import { logPath, openLogFile } from './log-file.ts';
import { getObject, inFolder, putObject } from './places.ts';

export interface BegunCommand {
  /** Goes to the log file as well. */
  readonly log: StageLog;
  readonly recordLocation: string;
  /** Last lines of the log file. */
  finished(stage: FinishedStage): void;
  failed(error: unknown): void;
}

/**
 * Makes the work folder, opens `<work_dir>/<command>.log` (or logging.file), copies the config beside it and tells the warnings of the config.
 *
 * @throws OUTPUT_UNWRITABLE
 */
export async function beginCommand(
  command: string,
  loaded: LoadedConfig<FitConfig>,
  log: StageLog,
  now = new Date(),
): Promise<BegunCommand> {
  const { config } = loaded;
  const { workDir } = config.outputs;
  if (loaded.path !== undefined) await putObject(inFolder(workDir, snapshotName(now)), await getObject(loaded.path));
  const path = logPath(config, command);
  const file = path === undefined ? undefined : openLogFile(path, config.logging, command);
  const both = file?.tee(log) ?? log;
  both.info('begin', `arclet fit ${command} --config ${loaded.path} (profile ${config.profile}), work folder ${workDir}`);
  for (const warning of loaded.warnings) both.info('warning', `warning: ${warning}`);
  return {
    log: both,
    recordLocation: inFolder(workDir, `_stage_config_${command}.json`),
    finished({ outcome, wallSeconds, failures = [] }) {
      // The terminal has its own summary.
      for (const { subject, reason } of failures) file?.line('WARNING', `failed: ${subject}: ${reason}`);
      file?.line('INFO', `${command}: ${outcome} in ${wallSeconds.toFixed(2)} s`);
    },
    failed: (error) => file?.error(error),
  };
}

/** config_used_YYYYMMDD_HHMMSS.yaml, in UTC. */
function snapshotName(now: Date): string {
  const [day, time] = now.toISOString().slice(0, 19).split('T');
  return `config_used_${day.replaceAll('-', '')}_${time.replaceAll(':', '')}.yaml`;
}
