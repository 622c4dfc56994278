/** `arclet gallery`: what `npm start` runs. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { makeGallery } from '../pipelines/gallery/gallery.ts';
import { renderLensed } from '../pipelines/injection/render.ts';
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

export function addGalleryCommand(program: Command): void {
  const command = program
    .command('gallery')
    .description('render a gallery of lenses to a web page')
    .option('--out <folder>', 'where to write index.html', 'out/gallery')
    .action(gallery);
  withCommonOptions(withBackendOptions(command));
}

async function gallery(words: BackendOptions & CommonOptions & { readonly out: string }): Promise<void> {
  const log = logOf(words);
  const interrupt = abortOnInterrupt(log);
  const engine = await openChosen(words, log);
  try {
    const page = await makeGallery(words.out, {
      engine,
      render: renderLensed,
      version: packageVersion(),
      signal: interrupt.signal,
      onProgress: ({ done, total }) => log.progress('rendering rows', done, total),
    });
    log.info('written', `The gallery is at ${resolve(page)}`, { path: resolve(page) });
  } finally {
    interrupt.dispose();
    await engine.close();
  }
}
