/** `arclet inject`: the stages of an injection campaign, all of them in order, and one row again. */
import type { Command } from 'commander';
import { ArcletError } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import { type BankConfig, required } from '../pipelines/injection/bank/config.ts';
import { INJECT_KEYS, type InjectConfig } from '../pipelines/injection/config.ts';
import { BANK_SPEC, loadBankConfig } from '../pipelines/injection/load-bank-config.ts';
import { INJECT_SPEC, loadInjectConfig, requireKeys } from '../pipelines/injection/load-config.ts';
import { checkShard, INJECT_STAGES, recordLocationOf, stagesOfRun } from '../pipelines/injection/stages.ts';
import { OUTCOME_STATUS, runStage, runStages } from '../pipelines/runner.ts';
import { defineStage, type Stage } from '../pipelines/stage.ts';
import {
  addStageCommand,
  beforeUse,
  type ConfigWords,
  configInput,
  keysHelp,
  printFinished,
  warn,
  withConfigOptions,
  withHost,
} from './stage-command.ts';

export function addInjectCommand(program: Command): void {
  const inject = program
    .command('inject')
    .description('inject lensed sources into survey images: from a target list to a checked training set')
    .usage('<stage> [options]')
    .helpCommand(false)
    .argument('[stage]')
    .allowUnknownOption()
    .allowExcessArguments();
  inject.action((word?: string) => noSuchCommand(inject, word));
  addRunCommand(inject);
  for (const entry of INJECT_STAGES) {
    addStageCommand<InjectConfig>(inject, {
      name: entry.name,
      aliases: entry.aliases,
      words: entry.words,
      spec: { ...INJECT_SPEC, help: `arclet inject ${entry.name} --help` },
      load: entry.load,
      loadConfig: loadInjectConfig,
      recordLocation(config, shard) {
        checkShard(entry.name, entry.sharded, shard);
        return recordLocationOf(entry, config, shard);
      },
    });
  }
  addReplayCommand(inject);
  addBankCommands(inject);
}

function noSuchCommand(parent: Command, word: string | undefined): void {
  if (word === undefined) parent.help({ error: true });
  const known = parent.commands.flatMap((command) => [command.name(), ...command.aliases()]);
  throw new ArcletError(
    'USAGE',
    `There is no command '${parent.name()} ${word}', did you mean '${nearest(String(word), known)}'?`,
    {
      subject: word,
      remedy: `There are ${known.join(', ')}.`,
    },
  );
}

type RunWords = ConfigWords & { readonly with: string };

function addRunCommand(inject: Command): void {
  const description = 'all stages in order: manifest, cache, inject, check, completeness, report';
  const command = inject.command('run').summary('all stages in order').description(description);
  const spec = { ...INJECT_SPEC, help: 'arclet inject run --help' };
  beforeUse(inject, command, async () => {
    withConfigOptions(command, spec)
      .option('--with <stages>', 'also audit or compact, comma-separated', '')
      .addHelpText('after', () => keysHelp(spec, Object.keys(INJECT_KEYS)));
  });
  command.action(async (words: RunWords) => {
    await withHost(words, async (host, log) => {
      const entries = stagesOfRun(words.with.split(',').filter((name) => name !== ''));
      checkShard('run', false, words.shard);
      const loaded = await loadInjectConfig(configInput(command, words, spec));
      // A campaign that would stop half way does not begin.
      const config = requireKeys(loaded.config, 'run', ['output', 'targets', 'coadd_cache']);
      warn(loaded, log);
      await (await import('../pipelines/injection/run-preflight.ts')).checkRun(config);
      const stages = await Promise.all(
        entries.map(async (entry) => ({
          stage: await entry.load(),
          recordLocation: recordLocationOf(entry, config, words.shard),
        })),
      );
      const outcome = await runStages(stages, loaded, { ...host, force: config.force }, (finished) =>
        printFinished(finished, log),
      );
      process.exitCode = OUTCOME_STATUS[outcome];
    });
  });
}

function addReplayCommand(inject: Command): void {
  const description = 'draw one row again from the record and compare it with what was written; status 1 when it differs';
  const command = inject.command('replay').summary('draw one row again and compare').description(description);
  const spec = { ...INJECT_SPEC, help: 'arclet inject replay --help' };
  command.argument('<task_id>', 'of the manifest');
  beforeUse(inject, command, async () => {
    withConfigOptions(command, spec);
  });
  command.action(async (taskId: string, words: ConfigWords) => {
    await withHost(words, async (host, log) => {
      const { replayTask } = await import('../pipelines/injection/replay.ts');
      const loaded = await loadInjectConfig(configInput(command, words, spec, 1));
      const stage = defineStage<InjectConfig>({
        name: 'replay',
        aliases: [],
        summary: description,
        keys: [],
        async run(context, config) {
          const { matches, lines, written } = await replayTask(context, config, taskId);
          return { outcome: matches ? 'done' : 'no-go', counts: { rows: 1 }, outputs: [written], summary: lines };
        },
      });
      // It changes nothing of the run, so it leaves no record.
      const finished = await runStage(stage, loaded, { ...host, force: false, recordLocation: undefined });
      printFinished(finished, log);
      process.exitCode = OUTCOME_STATUS[finished.outcome];
    });
  });
}

function addBankCommands(inject: Command): void {
  const bank = inject
    .command('bank')
    .description('make a bank of galaxy templates, and look into one')
    .usage('build|report [options]')
    .helpCommand(false)
    .argument('[command]')
    .allowUnknownOption()
    .allowExcessArguments();
  bank.action((word?: string) => noSuchCommand(bank, word));
  const add = (name: 'build' | 'report', words: string, load: () => Promise<Stage<BankConfig>>) => {
    addStageCommand<BankConfig>(bank, {
      name,
      aliases: [],
      words,
      spec: { ...BANK_SPEC, help: `arclet inject bank ${name} --help` },
      load,
      loadConfig: loadBankConfig,
      // Beside the bank.
      recordLocation(config, shard) {
        checkShard(`bank ${name}`, false, shard);
        return `${required(config, 'bank', `bank ${name}`)}.${name}.json`;
      },
    });
  };
  add('build', 'from stamps, RealGalaxy catalogues or Sersic fits', async () => (await bankStages()).bankBuildStage);
  add('report', 'sizes, signal to noise, clumpiness; is it noise?', async () => (await bankStages()).bankReportStage);
}

const bankStages = () => import('../pipelines/injection/bank.ts');
