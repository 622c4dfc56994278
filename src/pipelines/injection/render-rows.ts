/** Rows in the user's terms become the numbers that the kernels take. */
import { type PsfBank, packPsfBank } from '../../../kernels/make-psf/bank.ts';
import { type PsfParameters, psfParameters } from '../../../kernels/psf-struct.ts';
import { type SourceParameters, sersicSource, type TemplateBank, templateSource } from '../../../kernels/source-struct.ts';
import { FWHM_PER_SIGMA } from '../../core/constants.ts';
import { ArcletError } from '../../core/errors.ts';
import { type LensParameters, lensParameters } from '../../sky/lensing/models.ts';
import { lensDescription, type PsfRow, type Row, type RowsFile, type SourceRow } from './rows.ts';

/** One row, ready to be planned and packed. */
export interface PreparedRow {
  readonly lens: LensParameters;
  readonly sources: readonly SourceParameters[];
  /** [component][band] */
  readonly flux: readonly (readonly number[])[];
  /** One per band. */
  readonly psfs: readonly PsfParameters[];
}

export interface PreparedRows {
  readonly rows: readonly PreparedRow[];
  /** The template bank, or one zero where no row uses a template. */
  readonly bank: TemplateBank;
  readonly psfBank: PsfBank;
}

const NO_BANK: TemplateBank = { images: new Float64Array(1), side: 1 };

/**
 * @throws BANK_EMPTY when a row wants a template and there is none; INPUT_INVALID for templates and PSF stamps that cannot be used, naming the row
 */
export function prepareRows(file: RowsFile, bank: TemplateBank | undefined): PreparedRows {
  const { bands } = file;
  const { pixscaleArcsec } = file.grid;
  const stamps = new PsfStamps(file);
  const usesBank = file.rows.some((row) => row.sources.some((source) => source.model === 'template'));
  const rows = file.rows.map((row, index) => {
    const about = `rows[${index}]`;
    return naming(about, () => ({
      lens: lensParameters(lensDescription(row.lens)),
      sources: row.sources.map((source) => sourceParameters(source, bank, file.grid)),
      flux: row.sources.map((source) => bands.map((band) => source.flux[band])),
      psfs: bands.map((band) => stamps.parameters(row.psf[band], pixscaleArcsec)),
    }));
  });
  return { rows, bank: usesBank && bank !== undefined ? bank : NO_BANK, psfBank: stamps.bank };
}

function sourceParameters(source: SourceRow, bank: TemplateBank | undefined, grid: RowsFile['grid']): SourceParameters {
  const { size, pixscaleArcsec } = grid;
  if (source.model === 'sersic') return sersicSource(source, pixscaleArcsec);
  if (bank === undefined) {
    throw new ArcletError('BANK_EMPTY', `template ${source.template} is asked for and there is no bank.`, {
      remedy: "Name a bank in the rows file, or hand one in as the option 'bank'.",
    });
  }
  const side = bank.side * source.pixscaleArcsec;
  if (side > size * pixscaleArcsec) {
    const stamp = (size * pixscaleArcsec).toPrecision(4);
    throw new ArcletError(
      'SOURCE_LARGER_THAN_STAMP',
      `a template of ${side.toPrecision(4)} arcsec is larger than the stamp, ${stamp} arcsec.`,
      {
        remedy: 'Enlarge grid.size or correct the pixscale_arcsec of the template.',
      },
    );
  }
  return templateSource({ ...source, templatePixscaleArcsec: source.pixscaleArcsec }, bank, pixscaleArcsec);
}

/** The pixelised PSFs of a file as one bank; equal stamps are kept once. */
class PsfStamps {
  readonly bank: PsfBank;
  private readonly indices = new Map<string, number>();
  private readonly stamps: { readonly side: number; readonly narrowSamples: number }[] = [];

  constructor(file: RowsFile) {
    const samples: Float64Array[] = [];
    for (const row of file.rows) {
      for (const psf of Object.values(row.psf)) {
        if (psf.model !== 'pixel') continue;
        const key = stampKey(psf);
        if (this.indices.has(key)) continue;
        const stamp = Float64Array.from(psf.stamp.flat());
        this.indices.set(key, samples.length);
        this.stamps.push({ side: psf.stamp.length, narrowSamples: narrowFwhmSamples(stamp, psf.stamp.length, psf.oversampling) });
        samples.push(stamp);
      }
    }
    this.bank = packPsfBank(samples);
  }

  parameters(psf: Row['psf'][string] | undefined, pixscaleArcsec: number): PsfParameters {
    if (psf === undefined || psf.model === 'none') return psfParameters({ model: 'none' }, pixscaleArcsec);
    if (psf.model !== 'pixel') return psfParameters(psf, pixscaleArcsec);
    const bankIndex = this.indices.get(stampKey(psf)) as number;
    const stepPixels = 1 / psf.oversampling;
    const { side, narrowSamples } = this.stamps[bankIndex];
    const { includesPixel } = psf;
    const sampleSum = this.bank.sums[bankIndex];
    // The stamp's own side, not the bank's: a row's pixels do not depend on the stamps of other rows.
    const parameters = psfParameters(
      { model: 'pixelised', bankIndex, bankSide: side, stepPixels, sampleSum, includesPixel },
      pixscaleArcsec,
    );
    const fwhmPixels = narrowSamples * stepPixels;
    return { ...parameters, fwhmPixels, fwhmArcsec: fwhmPixels * pixscaleArcsec };
  }
}

function stampKey({ stamp, oversampling }: Extract<PsfRow, { model: 'pixel' }>): string {
  return `${oversampling} ${stamp.map((line) => line.join()).join(';')}`;
}

const DIRECTIONS = 16;

/**
 * FWHM, in samples, of the round Gaussian with the most power that the stamp has at half a cycle per native px in any direction: what decides
 * whether native pixels hold the PSF. An elongated stamp is as narrow as its minor axis.
 */
function narrowFwhmSamples(stamp: Float64Array, side: number, oversampling: number): number {
  let sum = 0;
  for (const value of stamp) sum += value;
  let most = 0;
  const step = Math.PI / oversampling; // 2 pi times half a cycle per px, per sample
  for (let direction = 0; direction < DIRECTIONS; direction++) {
    const angle = (Math.PI * direction) / DIRECTIONS;
    const fx = step * Math.cos(angle);
    const fy = step * Math.sin(angle);
    let re = 0;
    let im = 0;
    for (let y = 0, at = 0; y < side; y++) {
      for (let x = 0; x < side; x++, at++) {
        const phase = fx * (x - (side - 1) / 2) + fy * (y - (side - 1) / 2);
        re += stamp[at] * Math.cos(phase);
        im += stamp[at] * Math.sin(phase);
      }
    }
    most = Math.max(most, Math.hypot(re, im) / Math.abs(sum));
  }
  // A Gaussian has exp(-2 (pi sigma f)^2) at f.
  const sigmaPx = Math.sqrt(-2 * Math.log(Math.min(0.99, Math.max(most, 1e-8)))) / Math.PI;
  return FWHM_PER_SIGMA * sigmaPx * oversampling;
}

/** Runs `make`; an error of ours gets the row's name in front. */
function naming<T>(row: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof ArcletError)) throw error;
    const { code, message, remedy, data } = error;
    throw new ArcletError(code, `${row}: ${message}`, { subject: row, remedy, data, cause: error });
  }
}
