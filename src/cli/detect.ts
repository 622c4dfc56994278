/** `arclet detect`: a catalogue from an image. */
import type { Command } from 'commander';
import { DETECT_KEYS, DETECT_SPEC, loadDetectConfig } from '../pipelines/photometry/detect/config.ts';
import { OUTCOME_STATUS, runStage } from '../pipelines/runner.ts';
import {
  beforeUse,
  type ConfigWords,
  configInput,
  keysHelp,
  printFinished,
  warn,
  withConfigOptions,
  withHost,
} from './stage-command.ts';

export function addDetectCommand(program: Command): void {
  const words = 'find and measure the sources of a FITS image: a catalogue, also for arclet fit';
  const command = program
    .command('detect')
    .description(words)
    .argument('[IMAGE]', 'FITS image, also .fz and .gz; path or s3:// (key image of the config)')
    .usage('IMAGE --out TABLE [options]');
  beforeUse(program, command, async () => {
    withConfigOptions(command, DETECT_SPEC, false);
    command.addHelpText('after', () => keysHelp(DETECT_SPEC, Object.keys(DETECT_KEYS)));
  });
  command.action(async (image: string | undefined, given: Omit<ConfigWords, 'shard'>) => {
    const all = { ...given, shard: { index: 0, count: 1 } };
    await withHost(all, async (host, log) => {
      const input = configInput(command, all, DETECT_SPEC, image === undefined ? 0 : 1);
      const flags = image === undefined ? input.flags : { image, ...input.flags };
      const loaded = await loadDetectConfig({ ...input, flags });
      warn(loaded, log);
      const { detectRecord, detectStage } = await import('../pipelines/photometry/detect/stage.ts');
      const recordLocation = detectRecord(loaded.config);
      const finished = await runStage(detectStage, loaded, { ...host, force: false, recordLocation });
      printFinished(finished, log);
      process.exitCode = OUTCOME_STATUS[finished.outcome];
    });
  });
}
