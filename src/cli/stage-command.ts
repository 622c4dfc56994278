/** Makes a command of a stage: options from its config keys, help from the schema, then the runner, then what a person wants to read. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { ArcletError } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import { type ConfigInput, type ConfigSpec, dashed } from '../pipelines/layered-config.ts';
import { type FinishedStage, type LoadedConfig, OUTCOME_STATUS, runStage, type StageHost } from '../pipelines/runner.ts';
import { jsonSchemaOf } from '../pipelines/schema.ts';
import type { Shard, Stage } from '../pipelines/stage.ts';
import { keyTable } from './key-table.ts';
import type { Log } from './log.ts';
import {
  abortOnInterrupt,
  type BackendOptions,
  type CommonOptions,
  logOf,
  openChosen,
  packageVersion,
  withBackendOptions,
  withCommonOptions,
} from './options.ts';

/** What a command of one or more stages is made of. */
export interface StageCommand<C> {
  readonly name: string;
  readonly aliases: readonly string[];
  /** A few words for the list of commands. */
  readonly words: string;
  readonly spec: ConfigSpec;
  load(): Promise<Stage<C>>;
  loadConfig(input: ConfigInput): Promise<LoadedConfig<C>>;
  /** Where the record goes; throws what is wrong with the shard or the config before any work. */
  recordLocation(config: C, shard: Shard): string | undefined;
}

export type ConfigWords = BackendOptions &
  CommonOptions & {
    readonly config?: string;
    readonly set: readonly string[];
    readonly shard: Shard;
  };

const ONE: Shard = { index: 0, count: 1 };

/** `1/8` to `8/8`. */
function shardOf(text: string): Shard {
  const [, index, count] = /^(\d+)\/(\d+)$/.exec(text)?.map(Number) ?? [0, 0, 0];
  if (index >= 1 && index <= count) return { index: index - 1, count };
  throw new InvalidArgumentError('It must be i/n with i from 1 to n.');
}

/** Config, flags of all keys (hidden: the key table tells of them), shard (where work has shares), backend and the common options. */
export function withConfigOptions(command: Command, spec: ConfigSpec, hasShares = true): Command {
  command
    .option('--config <file>', 'JSON or YAML, keys below; path or s3://')
    .addOption(
      new Option('--set <key=value>', 'overrides the config on purpose, and is recorded (repeatable)')
        .argParser(collect)
        .default([], 'none'),
    );
  const shard = new Option('--shard <i/n>', 'only the i-th of n shares of the work').argParser(shardOf).default(ONE, '1/1');
  if (hasShares) command.addOption(shard);
  withCommonOptions(withBackendOptions(command));
  for (const [name, key] of keyFlags(spec)) {
    const value = isFlag(spec.keys[key]) ? '[0|1]' : '<value>';
    const option = new Option(`--${dashed(name)} ${value}`, `key ${key}`);
    command.addOption(name === 'force' ? new Option(option.flags, 'do again what is done') : option.hideHelp());
  }
  // A mistyped key is looked up among the keys, see checkWords.
  return command.allowUnknownOption().allowExcessArguments();
}

const collect = (text: string, before: readonly string[]): string[] => [...before, text];

function keyFlags(spec: ConfigSpec): [name: string, key: string][] {
  return [...Object.keys(spec.keys).map((key): [string, string] => [key, key]), ...Object.entries(spec.aliases)];
}

function isFlag(schema: z.ZodType): boolean {
  return jsonSchemaOf(schema).type === 'boolean';
}

/** The config that the words of a command mean. `positionals` is how many words without dashes it takes. */
export function configInput(command: Command, words: ConfigWords, spec: ConfigSpec, positionals = 0): ConfigInput {
  checkWords(command, spec, positionals);
  const flags: Record<string, string | true> = {};
  for (const [name] of keyFlags(spec)) {
    const attribute = new Option(`--${dashed(name)}`).attributeName();
    if (command.getOptionValueSource(attribute) === 'cli') flags[name] = command.getOptionValue(attribute);
  }
  return { path: words.config, flags, sets: words.set, cwd: process.cwd() };
}

function checkWords(command: Command, spec: ConfigSpec, positionals: number): void {
  const strange = command.args.slice(positionals)[0] ?? command.args.find((word) => word.startsWith('-'));
  if (strange === undefined) return;
  const flag = strange.split('=')[0];
  const known = [...keyFlags(spec).map(([name]) => `--${dashed(name)}`), ...command.options.map(({ long }) => long ?? '')];
  const isOption = strange.startsWith('-');
  throw new ArcletError(
    'USAGE',
    isOption ? `Unknown option ${flag}, did you mean ${nearest(flag, known)}?` : `One word too many: ${strange}.`,
    { subject: strange, remedy: `\`${spec.help}\` lists options and keys.` },
  );
}

/** Adds the command of one stage. The stage is loaded when its command is used or its help is asked for. */
export function addStageCommand<C>(parent: Command, what: StageCommand<C>): Command {
  const command = parent
    .command(what.name)
    .aliases([...what.aliases])
    .summary(what.words)
    .description(what.words);
  beforeUse(parent, command, async () => {
    const stage = await what.load();
    withConfigOptions(command, what.spec).description(stage.summary);
    command.addHelpText('after', () => keysHelp(what.spec, stage.keys));
  });
  return command.action(async (words: ConfigWords) => {
    await withHost(words, async (host, log) => {
      const loaded = await what.loadConfig(configInput(command, words, what.spec));
      const recordLocation = what.recordLocation(loaded.config, words.shard);
      warn(loaded, log);
      const force = loaded.effective['force'] === true;
      const finished = await runStage(await what.load(), loaded, { ...host, force, recordLocation });
      printFinished(finished, log);
      process.exitCode = OUTCOME_STATUS[finished.outcome];
    });
  });
}

/** Runs `prepare` once before a command's words are parsed: hundreds of options and a stage's module cost time that other commands need not pay. */
export function beforeUse(parent: Command, command: Command, prepare: () => Promise<void>): void {
  let prepared: Promise<void> | undefined;
  parent.hook('preSubcommand', (_parent, used) => {
    if (used !== command) return;
    prepared ??= prepare();
    return prepared;
  });
}

/** The table of the keys that a stage reads, and of other spellings. */
export function keysHelp(spec: ConfigSpec, keys: readonly string[]): string {
  const shape = Object.fromEntries(keys.map((key) => [key, spec.keys[key]]));
  const aliases = Object.entries(spec.aliases).filter(([, key]) => keys.includes(key));
  const spelled = aliases.map(([alias, key]) => `  ${alias.padEnd(28)} ${key}`);
  const example = keys.find((key) => key.includes('_')) ?? keys[0];
  const head = `Keys of the config. Each is a flag as well: ${example} is --${dashed(example)} VALUE.`;
  const tail = aliases.length === 0 ? '' : `\n\nOther names of keys:\n${spelled.join('\n')}`;
  return `\n${head}\n${keyTable(z.strictObject(shape))}${tail}`;
}

/** Gives work a host whose signal fires at SIGINT. */
export async function withHost(
  words: ConfigWords,
  work: (host: Omit<StageHost, 'recordLocation' | 'force'>, log: Log) => Promise<void>,
): Promise<void> {
  const log = logOf(words);
  const interrupt = abortOnInterrupt(log);
  try {
    await work(
      { log, version: packageVersion(), shard: words.shard, signal: interrupt.signal, openEngine: () => openChosen(words, log) },
      log,
    );
  } finally {
    interrupt.dispose();
  }
}

export function warn(loaded: LoadedConfig<unknown>, log: Log): void {
  for (const line of loaded.warnings) log.info('warning', `warning: ${line}`);
}

const FAILURES_SHOWN = 10;
const ENDINGS = { done: 'done', 'no-go': 'NO-GO', 'failed-rows': 'done, with failures' } as const;

/** Results to stdout, failures to the log. */
export function printFinished(stage: FinishedStage, log: Log): void {
  const { name, outcome, failures = [], summary, outputs, seconds = {}, wallSeconds } = stage;
  for (const { subject, reason } of failures.slice(0, FAILURES_SHOWN)) log.info('failed', `failed: ${subject}: ${reason}`);
  if (failures.length > FAILURES_SHOWN)
    log.info('failed', `failed: ${failures.length - FAILURES_SHOWN} more are in the run record`);
  const parts = Object.entries(seconds).filter(([part, value]) => value > 0 && part !== 'wall');
  const overlap = parts.reduce((sum, [, value]) => sum + value, 0) > wallSeconds ? ' (parts overlap)' : '';
  const times = parts.sort(([, a], [, b]) => b - a).map(([part, value]) => `${part} ${secondsText(value)}`);
  const lines = [
    ...summary,
    ...(times.length === 0 ? [] : [`time: ${times.join(', ')}${overlap}`]),
    ...outputs.map((output) => `-> ${output}`),
  ];
  process.stdout.write(
    `${name}: ${ENDINGS[outcome]} in ${secondsText(wallSeconds)}\n${lines.map((line) => `  ${line}\n`).join('')}`,
  );
}

const secondsText = (value: number): string => `${value.toFixed(value < 10 ? 2 : 1)} s`;
