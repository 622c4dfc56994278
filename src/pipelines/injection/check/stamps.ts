/** Has every part of the metrics its stamps: the numbers of a training set are no use without its pixels. */
import { isArcletError } from '../../../core/errors.ts';
import { type Dataset, type DatasetPart, openDataset } from '../../dataset.ts';
import { HASH_KEY } from '../inject/parts.ts';
import { datasetFolder } from '../layout.ts';
import { type Check, count, none, type Rule } from './checks.ts';
import type { Expected } from './context.ts';

const STAMPS: Rule = {
  name: 'stamps-present',
  threshold: '0 parts without stamps of the same rows and config',
  why: 'Metrics are what is checked and stamps are what is trained on: one without the other is half a set.',
};

/** Compares footers, so no pixel is read. None where the config asks for metrics only. */
export async function examineStamps(
  { config, experimentId }: Expected,
  metrics: Dataset,
  parts: readonly DatasetPart[],
): Promise<Check[]> {
  if (config.metricsOnly) return [];
  const stamps = await openStamps(datasetFolder(config, 'stamps', experimentId));
  const wrong: string[] = [];
  try {
    const there = new Map(stamps?.parts.map((part) => [part.key, part]));
    for (const part of parts) {
      const own = there.get(part.key);
      const wanted = await footerOf(metrics, part);
      const found = stamps === undefined || own === undefined ? 'is missing' : await footerOf(stamps, own);
      if (found !== wanted) wrong.push(`${part.key}: ${found}${found === 'is missing' ? '' : ` and not ${wanted}`}`);
      there.delete(part.key);
    }
    for (const key of there.keys()) wrong.push(`${key}: stamps without metrics`);
  } finally {
    await stamps?.close();
  }
  const more = wrong.length > 5 ? ` and ${count(wrong.length - 5)} more` : '';
  const detail = wrong.length === 0 ? `${count(parts.length)} parts.` : `${wrong.slice(0, 5).join('; ')}${more}.`;
  return [none(STAMPS, wrong.length, detail)];
}

async function openStamps(folder: string): Promise<Dataset | undefined> {
  try {
    return await openDataset(folder);
  } catch (error) {
    if (isArcletError(error, 'INPUT_INVALID')) return undefined;
    throw error;
  }
}

/** Rows and config of a part in words, or why it cannot be read. */
async function footerOf(dataset: Dataset, part: DatasetPart): Promise<string> {
  try {
    return await dataset.withPart(part, async ({ rows, schema }) => {
      return `${rows} rows of config ${(schema.metadata?.[HASH_KEY] ?? 'unknown').slice(0, 12)}`;
    });
  } catch (error) {
    if (!isArcletError(error)) throw error;
    return error.message;
  }
}
