/** `arclet render`: draws the rows of a file. */
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { readRows } from '../pipelines/injection/read-rows.ts';
import { renderLensed } from '../pipelines/injection/render.ts';
import { planLines, recordPath, renderWarnings, writeRecord } from '../pipelines/injection/render-record.ts';
import type { RenderOptions } from '../pipelines/injection/result.ts';
import { RowsSchema } from '../pipelines/injection/rows.ts';
import { checkOutputFormat, writeRender } from '../pipelines/injection/write-render.ts';
import { keyTable } from './key-table.ts';
import {
  abortOnInterrupt,
  autoOr,
  type BackendOptions,
  type CommonOptions,
  logOf,
  openChosen,
  packageVersion,
  withBackendOptions,
  withCommonOptions,
} from './options.ts';

type RenderWords = BackendOptions &
  CommonOptions & {
    readonly out: string;
    readonly oversample: 'auto' | number;
    readonly convolveOversample: 'auto' | 1 | 2 | 3 | 4;
    readonly method: NonNullable<RenderOptions['method']>;
    readonly maps: boolean;
  };

export function addRenderCommand(program: Command): void {
  const command = program
    .command('render')
    .description('draw lensed, PSF-convolved galaxies')
    .argument('<ROWS.json>', 'what to draw: a lens, a source and a PSF per row (keys below)')
    .requiredOption('--out <path>', 'output: .npz, .fits or .png')
    .option('--oversample <n>', 'samples per pixel side where it matters: auto or 1 to 32', autoOr(1, 32), 'auto')
    .option('--convolve-oversample <n>', 'convolution grid, samples per pixel side: auto or 1 to 4', autoOr(1, 4), 'auto')
    .addOption(new Option('--method <name>', 'how to convolve').choices(['auto', 'direct', 'separable', 'fft']).default('auto'))
    .option('--maps', 'also deflection, convergence, shear and magnification maps', false)
    .addHelpText('after', () => `\nKeys of ROWS.json:\n${keyTable(RowsSchema)}`)
    .action(render);
  withCommonOptions(withBackendOptions(command));
}

async function render(path: string, words: RenderWords): Promise<void> {
  const log = logOf(words);
  checkOutputFormat(words.out);
  const { file, bank } = await readRows(path);
  const interrupt = abortOnInterrupt(log);
  const engine = await openChosen(words, log);
  try {
    const result = await renderLensed(engine, file, {
      oversample: words.oversample,
      convolveOversample: words.convolveOversample,
      method: words.method,
      maps: words.maps,
      bank,
      signal: interrupt.signal,
      onProgress: ({ done, total }) => log.progress('rendering rows', done, total),
    });
    await writeRender(words.out, result, file.grid.pixscaleArcsec);
    await writeRecord(words.out, result, engine.info, packageVersion());
    for (const line of planLines(result.plan)) log.info('plan', line);
    for (const line of renderWarnings(result)) log.info('warning', `warning: ${line}`);
    log.info(
      'written',
      `${file.rows.length} rows written to ${resolve(words.out)}, how they were drawn to ${recordPath(resolve(words.out))}`,
      {
        path: resolve(words.out),
        rows: file.rows.length,
      },
    );
  } finally {
    interrupt.dispose();
    await engine.close();
  }
}
