/** The command line: parses, calls a stage, prints. Exit status: src/core/errors.ts. */
import { Command, CommanderError } from 'commander';
import { addBenchCommand } from './bench.ts';
import { addDemoCommand } from './demo.ts';
import { addDetectCommand } from './detect.ts';
import { addDoctorCommand } from './doctor.ts';
import { addFitCommand } from './fit.ts';
import { addFitsCommand } from './fits.ts';
import { addGalleryCommand } from './gallery.ts';
import { addInjectCommand } from './inject.ts';
import { createLog } from './log.ts';
import { packageVersion } from './options.ts';
import { addRenderCommand } from './render.ts';
import { addTableCommand } from './table-files.ts';
import { addWcsCommand } from './wcs.ts';

const USAGE = 2;

/** Runs the command line and returns its exit status. Errors are printed here and nowhere else. */
export async function main(args: readonly string[]): Promise<number> {
  const program = new Command('arclet')
    .description('WebGPU compute engine for survey imaging')
    .version(packageVersion())
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'arclet: ')) })
    .exitOverride();
  for (const add of [
    addInjectCommand,
    addFitCommand,
    addDetectCommand,
    addRenderCommand,
    addGalleryCommand,
    addFitsCommand,
    addWcsCommand,
    addTableCommand,
    addDemoCommand,
    addDoctorCommand,
    addBenchCommand,
  ])
    add(program);
  prepare(program, 'arclet');
  process.exitCode = 0;
  try {
    await program.parseAsync(args, { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    // commander has printed its own message, and help is no failure.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
    return createLog({ json: args.includes('--log-json'), debug: args.includes('--debug') }).error(error);
  }
}

/** Every command, and the commands below it, fails by throwing and names its own help. */
function prepare(parent: Command, path: string): void {
  for (const command of parent.commands) {
    const name = `${path} ${command.name()}`;
    command.exitOverride().configureOutput(parent.configureOutput()).showHelpAfterError(`(see ${name} --help)`);
    prepare(command, name);
  }
}

process.exitCode = await main(process.argv.slice(2));
