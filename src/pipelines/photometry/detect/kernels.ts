/** Detection filters: SExtractor's pyramid, Gaussians, and .conv files. */
import { ArcletError } from '../../../core/errors.ts';
import { DEFAULT_FILTER_KERNEL, type FilterKernel } from '../../../sky/detection/index.ts';
import { getObject } from '../places.ts';
import type { DetectConfig } from './config.ts';

/** The filter that a config names; null for none. Throws INPUT_UNREADABLE, INPUT_INVALID for a file that is no filter. */
export async function kernelOf({ kernel, kernelFwhmPx, kernelFile }: DetectConfig): Promise<FilterKernel | null> {
  if (kernelFile !== undefined) {
    return parseConv(new TextDecoder().decode(await getObject(kernelFile)), kernelFile);
  }
  if (kernelFwhmPx !== undefined) return gaussianKernel(kernelFwhmPx);
  return kernel === 'none' ? null : DEFAULT_FILTER_KERNEL;
}

/** A Gaussian of this FWHM in pixels at the middles of pixels, out to 1.5 FWHM, where it has fallen to 1/512. */
export function gaussianKernel(fwhmPx: number): number[][] {
  const half = Math.max(1, Math.ceil(1.5 * fwhmPx));
  const profile = Array.from({ length: 2 * half + 1 }, (_, at) => Math.exp((-4 * Math.LN2 * (at - half) ** 2) / fwhmPx ** 2));
  return profile.map((row) => profile.map((column) => row * column));
}

/**
 * A .conv file of SExtractor: `CONV NORM` or `CONV NONORM`, comments behind #, then rows of weights. Their absolutes are scaled to a sum of 1 in either case.
 *
 * @throws INPUT_INVALID
 */
export function parseConv(text: string, name: string): number[][] {
  const lines = text.split(/\r?\n/).map((line) => line.replace(/#.*/, '').trim());
  const [head = '', ...rest] = lines.filter((line) => line !== '');
  const rows = rest.map((line) => line.split(/[\s,]+/).map(Number));
  const width = rows[0]?.length ?? 0;
  const why = !/^CONV\b/i.test(head)
    ? 'does not begin with CONV'
    : rows.length === 0 || rows.some((row) => row.length !== width || row.some((weight) => !Number.isFinite(weight)))
      ? 'has no rows of weights of one length'
      : width % 2 === 0 || rows.length % 2 === 0
        ? `has ${width} x ${rows.length} weights, no middle`
        : rows.flat().some((weight) => weight !== 0)
          ? undefined
          : 'has no weight but 0';
  if (why === undefined) return rows;
  throw new ArcletError('INPUT_INVALID', `${name} ${why}.`, {
    subject: name,
    remedy: 'Give a filter as SExtractor has them: CONV NORM, then rows of weights.',
  });
}
