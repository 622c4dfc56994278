/** What a run of all stages needs besides its config: looked at before the first stage, because the stage that needs it may be hours away. */
import { stat } from 'node:fs/promises';
import { ArcletError } from '../../core/errors.ts';
import { openTemplateBank } from './bank/open.ts';
import type { InjectConfig } from './config.ts';

/**
 * Throws INPUT_UNREADABLE when the folder of the bricks is not there and they are fetched from nowhere; what opening the template bank
 * throws, when templates are asked for.
 */
export async function checkRun(config: InjectConfig): Promise<void> {
  await checkCache(config);
  const { sourceMode, templateBank } = config;
  if (sourceMode === 'template' && templateBank !== undefined) await (await openTemplateBank(templateBank)).close();
}

async function checkCache({ coaddCache, coaddBaseUrl }: InjectConfig): Promise<void> {
  // A bucket has no folders that could be missing: its bricks are looked at by the stages.
  if (coaddCache === undefined || coaddBaseUrl !== undefined || coaddCache.startsWith('s3://')) return;
  const found = await stat(coaddCache).catch(() => undefined);
  if (found?.isDirectory()) return;
  const why = found === undefined ? 'is not there' : 'is no folder';
  throw new ArcletError(
    'INPUT_UNREADABLE',
    `The folder of bricks ${coaddCache} ${why}, and no coadd_base_url says where to fetch them.`,
    {
      subject: 'coadd_cache',
      remedy: 'Correct coadd_cache, or give coadd_base_url.',
    },
  );
}
