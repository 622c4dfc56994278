/** `arclet fit`: photometry of a field from the YAML of tract7dt. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { ArcletError } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import { writeFileAtomic } from '../io/atomic.ts';
import { beginCommand } from '../pipelines/photometry/begin.ts';
import { FitFileSchema, PROFILES } from '../pipelines/photometry/config.ts';
import { sampleConfig } from '../pipelines/photometry/config-sample.ts';
import { loadFitConfig } from '../pipelines/photometry/load-config.ts';
import { FIT_COMMANDS, notInThisVersion } from '../pipelines/photometry/stages.ts';
import { OUTCOME_STATUS, runStage } from '../pipelines/runner.ts';
import { keyTable } from './key-table.ts';
import { type BackendOptions, type CommonOptions, withBackendOptions, withCommonOptions } from './options.ts';
import { beforeUse, printFinished, warn, withHost } from './stage-command.ts';

type FitWords = BackendOptions &
  CommonOptions & {
    readonly config?: string;
    readonly profile?: string;
    readonly set: readonly string[];
    readonly force?: boolean;
  };

export function addFitCommand(program: Command): void {
  const fit = program
    .command('fit')
    .description('forced photometry of aligned multi-band images, from the config files of tract7dt')
    .usage('<command> [options]')
    .helpCommand(false)
    .argument('[command]')
    .allowUnknownOption()
    .allowExcessArguments();
  fit.action((word?: string) => noSuchCommand(fit, word));
  for (const { name, words, stage } of FIT_COMMANDS) {
    const described = stage === undefined ? `${words} (not in this version)` : words;
    const command = fit.command(name).summary(described).description(described);
    if (stage === undefined) {
      withFitOptions(fit, command);
      command.action(() => notInThisVersion(name));
      continue;
    }
    withFitOptions(fit, command);
    command.option('--force', 'do again what is done', false).action((given: FitWords) => runCommand(name, given));
  }
  const validate = fit.command('validate').description('check config, files, headers and catalogue; writes nothing');
  withFitOptions(fit, validate);
  validate.action((given: FitWords) => validateConfig(given));
  addDumpConfig(fit);
}

function noSuchCommand(parent: Command, word: string | undefined): void {
  if (word === undefined) parent.help({ error: true });
  const known = parent.commands.map((command) => command.name());
  if (word === 'download-sample') {
    throw new ArcletError('USAGE', 'arclet fit downloads no sample.', {
      subject: word,
      remedy: '`arclet demo scene --out DIR` makes a field with catalogue, Gaia table and config.',
    });
  }
  throw new ArcletError('USAGE', `There is no command 'fit ${word}', did you mean '${nearest(String(word), known)}'?`, {
    subject: word,
    remedy: `There are ${known.join(', ')}.`,
  });
}

const collect = (text: string, before: readonly string[]): string[] => [...before, text];

function withFitOptions(parent: Command, command: Command): void {
  command
    .option('--config <file>', 'YAML or JSON of tract7dt, keys below; path or s3://')
    .addOption(new Option('--profile <name>', 'key profile').choices([...PROFILES]))
    .addOption(
      new Option('--set <section.key=value>', 'overrides the config on purpose, and is recorded (repeatable)')
        .argParser(collect)
        .default([], 'none'),
    );
  withCommonOptions(withBackendOptions(command));
  beforeUse(parent, command, async () => {
    command.addHelpText('after', () => `\nKeys of the config, in sections:\n${keyTable(FitFileSchema)}`);
  });
}

const loadWords = ({ config, profile, set }: FitWords) =>
  loadFitConfig({ path: config, flags: profile === undefined ? {} : { profile }, sets: set, cwd: process.cwd() });

async function runCommand(name: string, words: FitWords): Promise<void> {
  await withHost({ ...words, shard: { index: 0, count: 1 } }, async (host, log) => {
    const loaded = await loadWords(words);
    const begun = await beginCommand(name, loaded, log);
    try {
      const stage = FIT_COMMANDS.find((command) => command.name === name)?.stage;
      if (stage === undefined) notInThisVersion(name);
      const finished = await runStage(stage(), loaded, {
        ...host,
        log: begun.log,
        force: words.force === true,
        recordLocation: begun.recordLocation,
      });
      begun.finished(finished);
      printFinished(finished, log);
      process.exitCode = OUTCOME_STATUS[finished.outcome];
    } catch (error) {
      begun.failed(error);
      throw error;
    }
  });
}

async function validateConfig(words: FitWords): Promise<void> {
  await withHost({ ...words, shard: { index: 0, count: 1 } }, async (host, log) => {
    const { validateStage } = await import('../pipelines/photometry/validate.ts');
    const loaded = await loadWords(words);
    warn(loaded, log);
    printFinished(await runStage(validateStage, loaded, { ...host, force: false, recordLocation: undefined }), log);
  });
}

function addDumpConfig(fit: Command): void {
  const command = fit.command('dump-config').description('write a config with every key, its default and what it means');
  command.option('--out <file>', 'where', 'sample_config.yaml').option('--force', 'replace a file that is there', false);
  withCommonOptions(command);
  command.action(async ({ out, force }: { out: string; force: boolean }) => {
    const path = resolve(out);
    if (existsSync(path) && !force) {
      throw new ArcletError('USAGE', `${path} is there already.`, {
        subject: path,
        remedy: 'Give --force to replace it, or another --out.',
      });
    }
    await writeFileAtomic(path, sampleConfig());
    process.stdout.write(`-> ${path}\n`);
  });
}
