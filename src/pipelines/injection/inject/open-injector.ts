/** Opens what injecting rows takes: the engine, the bricks, the templates. */
import { availableParallelism } from 'node:os';
import type { StageContext } from '../../stage.ts';
import { openTemplateBank } from '../bank/open.ts';
import { openBrickReader } from '../bricks/reader.ts';
import type { InjectConfig } from '../config.ts';
import { requireKeys } from '../load-config.ts';
import { Injector } from './injector.ts';
import type { Recipe } from './recipe.ts';

export interface OpenInjector {
  readonly injector: Injector;
  close(): Promise<void>;
}

/** Threads that decode bricks: a GPU wants many, and beside CPU workers two keep up. */
const MOST_DECODERS = 8;

/** Throws what opening the bank or the engine throws, before any row. The engine stays the context's to close. */
export async function openInjector(context: StageContext, config: InjectConfig, recipe: Recipe): Promise<OpenInjector> {
  const templates = recipe.sourceMode === 'template';
  const { coaddCache } = requireKeys(config, 'inject', ['coadd_cache']);
  const bank = templates ? await openTemplateBank(requireKeys(config, 'inject', ['template_bank']).templateBank) : undefined;
  const engine = await context.engine();
  const workers =
    engine.info.backend === 'cpu' && engine.info.workers === 0 ? 0 : Math.min(MOST_DECODERS, availableParallelism());
  const reader = openBrickReader({
    cache: coaddCache,
    bands: recipe.bands,
    usePsfsizeMaps: recipe.psf.useMaps,
    workers,
  });
  return {
    injector: new Injector({ engine, recipe, reader, bank }),
    async close() {
      await reader.close();
      await bank?.close();
    },
  };
}
