/**
 * The bank of PSF stamps that pixelised rows share.
 */
import { ArcletError } from '../../src/core/errors.ts';
import type { Columns, HostArray } from '../../src/engine/kernel.ts';
import { PSF_KINDS } from '../psf-struct.ts';

export interface PsfBank {
  /** Stamps [n, side, side], centred at (side - 1)/2. */
  readonly bank: Float64Array;
  readonly side: number;
  /** Sum over the samples of each stamp: `sampleSum` of its description. */
  readonly sums: Float64Array;
}

/**
 * Packs square stamps [y, x] of odd side, the PSF's centre on the middle sample, into one bank: smaller ones are padded
 * with zeros. No stamps give one dummy sample of side 1, since a device buffer cannot be empty.
 * Throws INPUT_INVALID naming the stamp that is not square and odd, or whose samples do not sum to a positive finite number.
 */
export function packPsfBank(stamps: readonly ArrayLike<number>[]): PsfBank {
  const sides = stamps.map((stamp) => Math.sqrt(stamp.length));
  const side = Math.max(1, ...sides);
  const bank = new Float64Array(Math.max(1, stamps.length * side * side));
  const sums = new Float64Array(stamps.length);
  stamps.forEach((stamp, index) => {
    const own = sides[index];
    const fail = (message: string): ArcletError => new ArcletError('INPUT_INVALID', message, { subject: `psf stamp ${index}` });
    if (!Number.isInteger(own) || own % 2 === 0) {
      throw fail(`a PSF stamp is a square with an odd side, not ${stamp.length} samples`);
    }
    const margin = (side - own) / 2;
    for (let at = 0; at < stamp.length; at++) {
      const row = Math.floor(at / own);
      bank[(index * side + margin + row) * side + margin + (at - row * own)] = stamp[at];
      sums[index] += stamp[at];
    }
    if (!(sums[index] > 0) || !Number.isFinite(sums[index])) {
      throw fail(`the samples of a PSF stamp must sum to a positive number, not ${sums[index]}`);
    }
  });
  return { bank, side, sums };
}

/**
 * Throws BANK_EMPTY when a pixelised row of `psf` points outside the bank. The twin calls it for every batch;
 * whoever fills a batch for the device should, since a shader can only clamp the index.
 */
export function checkPsfBank(psf: Columns, bank: HostArray, bankSide: number): void {
  const stamps = bankSide < 2 ? 0 : Math.floor(bank.length / (bankSide * bankSide));
  for (let i = 0; i < psf.kind.length; i++) {
    if (psf.kind[i] !== PSF_KINDS.pixelised || psf.bankIndex[i] < stamps) continue;
    throw new ArcletError('BANK_EMPTY', `a PSF asks for stamp ${psf.bankIndex[i]} of a bank that holds ${stamps}`, {
      subject: `psf ${i}`,
      remedy: 'Pass the bank of PSF stamps, or correct the index (it counts from 0).',
      data: { bankIndex: psf.bankIndex[i], stamps, bankSide },
    });
  }
}
