/** Random PSFs for the agreement tests and benches of kernels that take them. */
import { PhiloxStream, philoxKey } from '../src/core/rng.ts';
import { type PsfDescription, type PsfParameters, psfParameters, type TruncationLimits } from './psf-struct.ts';

/**
 * Random valid PSFs for `count` items, item-major: every model in turn, with and without the pixel, round and elliptical,
 * centred and offset, with truncations of their own. FWHM 1.3 .. 6 px. Pixelised ones index a bank of `bankStamps`.
 */
export function samplePsfs(
  count: number,
  bands: number,
  seed: number,
  bank: { bankSide: number; bankStamps: number; limits?: TruncationLimits },
): PsfParameters[] {
  const stream = new PhiloxStream(philoxKey(seed));
  const next = (): number => stream.uniform();
  const models = ['moffat', 'gaussian', 'moffat', bank.bankStamps > 0 ? 'pixelised' : 'moffat', 'none'] as const;
  return Array.from({ length: count * bands }, (_, index) => {
    const round = next() < 0.4;
    const centred = next() < 0.4;
    const offset = [next() - 0.5, next() - 0.5].map((shift) => (centred ? 0 : shift));
    const common = { dxPixels: offset[0], dyPixels: offset[1], includesPixel: next() < 0.5 };
    const shape = { q: round ? 1 : 0.6 + 0.4 * next(), phiRad: 2 * Math.PI * next() };
    const fwhmArcsec = 0.262 * (1.3 + 4.7 * next());
    const beta = next() < 0.5 ? 3.5 : 1.5 + 4 * next();
    const bankIndex = Math.floor(bank.bankStamps * next());
    const stepPixels = 1 / (1 + Math.floor(4 * next()));
    const sizeSemantics = next() < 0.5 ? ('nea' as const) : ('fwhm' as const);
    const model = models[index % models.length];
    const description: PsfDescription =
      model === 'pixelised'
        ? { model, ...common, bankIndex, bankSide: bank.bankSide, stepPixels, sampleSum: 10 + 50 * next() }
        : model === 'none'
          ? { model }
          : model === 'gaussian'
            ? { model, ...common, ...shape, fwhmArcsec }
            : // A Moffat's own FWHM is down to 0.4 of its noise-equivalent size.
              {
                model,
                ...common,
                ...shape,
                beta,
                sizeSemantics,
                fwhmArcsec: sizeSemantics === 'nea' ? 2.5 * fwhmArcsec : fwhmArcsec,
              };
    return psfParameters(description as PsfDescription, 0.262, { fluxLost: 10 ** (-1 - 3 * next()), ...bank.limits });
  });
}
