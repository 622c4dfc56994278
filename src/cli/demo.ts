/** `arclet demo`: data to try arclet on, made on the spot. */
import { type Command, InvalidArgumentError } from 'commander';
import { makeDemoScene } from '../pipelines/demo/scene.ts';
import { makeDemoSurvey } from '../pipelines/demo/survey.ts';
import { jsonText } from './json.ts';
import { abortOnInterrupt, type CommonOptions, logOf, packageVersion, wholeNumber, withCommonOptions } from './options.ts';

export function addDemoCommand(program: Command): void {
  const demo = program.command('demo').description('make data to try arclet on');
  const survey = demo
    .command('survey')
    .description(
      'make a small synthetic survey in the format of Legacy Surveys DR10, with targets and a config for arclet inject',
    )
    .requiredOption('--out <folder>', 'where to write; finished bricks that are there are kept')
    .option('--bricks <n>', 'bricks of 0.25 degrees, five to a row', wholeNumber(1), 2)
    .option('--seed <n>', 'seed of everything', wholeNumber(0), 1)
    .option('--targets-per-brick <n>', 'massive red galaxies per brick that are targets, up to 1000', wholeNumber(1), 250)
    .option('--size <pixels>', 'side of a brick, 400 to 3600 pixels of 0.262 arcsec', wholeNumber(400), 3600)
    .option(
      '--workers <n>',
      'bricks made at once; 0 works in one thread (default: one per core, as memory allows)',
      wholeNumber(0),
    )
    .option('--force', 'make bricks again that are there', false)
    .option('--json', 'print JSON', false)
    .action(demoSurvey);
  withCommonOptions(survey);
  const scene = demo
    .command('scene')
    .description('make a synthetic field in aligned medium bands, with truth, catalogue, Gaia table and a config for arclet fit')
    .requiredOption('--out <folder>', 'where to write')
    .option('--bands <n>', 'bands m400, m425, ... of 25 nm, up to 20', wholeNumber(1), 6)
    .option('--size <pixels>', 'side of the field, 128 to 10240 pixels of 0.505 arcsec', wholeNumber(128), 1536)
    .option('--seed <n>', 'seed of everything', wholeNumber(0), 1)
    .option('--ra <deg>', 'centre of the field', real, 150.1)
    .option('--dec <deg>', 'centre of the field', real, 2.2)
    .option('--sky-gradient <sigma>', 'difference of the sky between opposite edges, SKYSIG', real, 0)
    .option('--force', 'replace another scene that is there', false)
    .option('--json', 'print JSON', false)
    .action(demoScene);
  withCommonOptions(scene);
}

function real(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It must be a number.');
  return value;
}

type SceneWords = CommonOptions &
  Readonly<Record<'bands' | 'size' | 'seed' | 'ra' | 'dec' | 'skyGradient', number>> & {
    readonly out: string;
    readonly force: boolean;
    readonly json: boolean;
  };

async function demoScene({ out, json, debug, logJson, ...options }: SceneWords): Promise<void> {
  const log = logOf({ debug, logJson });
  const interrupt = abortOnInterrupt(log);
  try {
    const made = await makeDemoScene(out, {
      ...options,
      version: packageVersion(),
      signal: interrupt.signal,
      onProgress: (done, total) => log.progress('making bands', done, total),
    });
    if (json) return void process.stdout.write(`${jsonText(made, 2)}\n`);
    const { folder, bands, sources, catalogued, gaia, bytes, config } = made;
    const lines = [
      `${bands.length} bands (${bands[0]} to ${bands.at(-1)}), ${sources} sources, ${catalogued} in the catalogue, ${gaia} in Gaia, ${(bytes / 1e6).toFixed(0)} MB in ${folder}`,
      `next: arclet fit run-epsf --config ${config}`,
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
  } finally {
    interrupt.dispose();
  }
}

type SurveyWords = CommonOptions & {
  readonly out: string;
  readonly bricks: number;
  readonly seed: number;
  readonly targetsPerBrick: number;
  readonly size: number;
  readonly workers?: number;
  readonly force: boolean;
  readonly json: boolean;
};

async function demoSurvey({ out, json, debug, logJson, ...options }: SurveyWords): Promise<void> {
  const log = logOf({ debug, logJson });
  const interrupt = abortOnInterrupt(log);
  try {
    const made = await makeDemoSurvey(out, {
      ...options,
      version: packageVersion(),
      signal: interrupt.signal,
      onProgress: (done, total) => log.progress('making bricks, a band at a time', done, total),
    });
    if (json) return void process.stdout.write(`${jsonText(made, 2)}\n`);
    const { folder, bricks, kept, targets, sources, bytes, config } = made;
    const lines = [
      `${bricks.length} bricks (${kept} were there), ${sources} sources, ${targets} targets, ${(bytes / 1e6).toFixed(0)} MB in ${folder}`,
      `next: arclet inject run --config ${config}`,
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
  } finally {
    interrupt.dispose();
  }
}
