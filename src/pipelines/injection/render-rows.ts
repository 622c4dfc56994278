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
      sources: row.sources.map((source) => sourceParameters(source, bank, pixscaleArcsec)),
      flux: row.sources.map((source) => bands.map((band) => source.flux[band])),
      psfs: bands.map((band) => stamps.parameters(row.psf[band], pixscaleArcsec)),
    }));
  });
  return { rows, bank: usesBank && bank !== undefined ? bank : NO_BANK, psfBank: stamps.bank };
}

function sourceParameters(source: SourceRow, bank: TemplateBank | undefined, pixscaleArcsec: number): SourceParameters {
  if (source.model === 'sersic') return sersicSource(source, pixscaleArcsec);
  if (bank === undefined) {
    throw new ArcletError('BANK_EMPTY', `template ${source.template} is asked for and there is no bank.`, {
      remedy: "Name a bank in the rows file, or hand one in as the option 'bank'.",
    });
  }
  return templateSource({ ...source, templatePixscaleArcsec: source.pixscaleArcsec }, bank, pixscaleArcsec);
}

/** The pixelised PSFs of a file as one bank; equal stamps by object are kept once. */
class PsfStamps {
  readonly bank: PsfBank;
  private readonly index = new Map<PsfRow, number>();
  private readonly fwhmSamples: number[] = [];

  constructor(file: RowsFile) {
    const stamps: Float64Array[] = [];
    for (const row of file.rows) {
      for (const psf of Object.values(row.psf)) {
        if (psf.model !== 'pixel' || this.index.has(psf)) continue;
        this.index.set(psf, stamps.length);
        stamps.push(Float64Array.from(psf.stamp.flat()));
      }
    }
    this.bank = packPsfBank(stamps);
    this.fwhmSamples = stamps.map(equivalentFwhm);
  }

  parameters(psf: Row['psf'][string] | undefined, pixscaleArcsec: number): PsfParameters {
    if (psf === undefined || psf.model === 'none') return psfParameters({ model: 'none' }, pixscaleArcsec);
    if (psf.model !== 'pixel') return psfParameters(psf, pixscaleArcsec);
    const bankIndex = this.index.get(psf) as number;
    const stepPixels = 1 / psf.oversampling;
    const { side, sums } = this.bank;
    const parameters = psfParameters(
      { model: 'pixelised', bankIndex, bankSide: side, stepPixels, sampleSum: sums[bankIndex], includesPixel: psf.includesPixel },
      pixscaleArcsec,
    );
    const fwhmPixels = this.fwhmSamples[bankIndex] * stepPixels;
    return { ...parameters, fwhmPixels, fwhmArcsec: fwhmPixels * pixscaleArcsec };
  }
}

/** FWHM of the Gaussian with the stamp's noise-equivalent area (sum p)^2 / sum p^2, samples. */
function equivalentFwhm(stamp: Float64Array): number {
  let sum = 0;
  let squares = 0;
  for (const value of stamp) {
    sum += value;
    squares += value * value;
  }
  return (FWHM_PER_SIGMA / (2 * Math.sqrt(Math.PI))) * (Math.abs(sum) / Math.sqrt(squares));
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
