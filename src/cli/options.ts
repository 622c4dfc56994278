/** Options that several commands share, and how their words become values. */
import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Engine } from '../engine/face.ts';
import { openEngine } from '../index.ts';
import { createLog, type Log } from './log.ts';

export interface CommonOptions {
  readonly debug: boolean;
  readonly logJson: boolean;
}

export interface BackendOptions {
  readonly backend: 'auto' | 'gpu' | 'cpu';
  readonly adapter?: string;
  readonly workers?: number;
}

/** `--debug` and `--log-json`: every command has them. */
export function withCommonOptions(command: Command): Command {
  return command
    .option('--debug', 'show stack traces', false)
    .option('--log-json', 'log NDJSON lines to stderr instead of text', false);
}

export function withBackendOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--backend <name>', 'where to compute; auto takes a hardware GPU if there is one, else the CPU')
        .choices(['auto', 'gpu', 'cpu'])
        .default('auto'),
    )
    .option('--adapter <name>', "GPU by (part of) its name, or 'software' for the software adapter")
    .option('--workers <n>', 'CPU workers; 0 computes in one thread (default: one per core)', wholeNumber(0));
}

/** A parser for whole numbers of at least `least`. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least) throw new InvalidArgumentError(`It must be a whole number of at least ${least}.`);
    return value;
  };
}

/** A parser for `auto` or a whole number within bounds. */
export function autoOr(least: number, most: number): (text: string) => 'auto' | number {
  return (text) => {
    if (text === 'auto') return text;
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`It must be auto or a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}

export function logOf(options: CommonOptions): Log {
  return createLog({ json: options.logJson, debug: options.debug });
}

/** Opens the engine that the options ask for and says in the log what was chosen and why. */
export function openChosen({ backend, adapter, workers }: BackendOptions, log: Log): Promise<Engine> {
  return openEngine({ backend, adapter, workers, onEvent: ({ kind, message }) => log.info(kind, message) });
}

/** Aborts at the first SIGINT, so that the work in hand is finished; the second one ends the process. */
export function abortOnInterrupt(log: Log): { signal: AbortSignal; dispose: () => void } {
  const controller = new AbortController();
  const onInterrupt = () => {
    if (controller.signal.aborted) process.exit(130);
    log.info('interrupted', 'Stopping after the batch in hand; interrupt again to stop now.');
    controller.abort();
  };
  process.on('SIGINT', onInterrupt);
  return { signal: controller.signal, dispose: () => process.off('SIGINT', onInterrupt) };
}

/** Version of the package, from the package.json above this file (one level deeper in dist/). */
export function packageVersion(): string {
  for (const up of ['../../package.json', '../../../package.json']) {
    try {
      return (JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as { version: string }).version;
    } catch {
      // Not at this level: dist/src/cli is one deeper than src/cli.
    }
  }
  return 'unknown';
}
