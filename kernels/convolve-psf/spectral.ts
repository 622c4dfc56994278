/**
 * Linear convolution of a k times finer cell grid with a PSF sampled at native pixels, by polyphase FFT (float64).
 *
 * The result at native pixel o is sum over cells c of A_c K(o - x_c). Cell c = k n + p has its centre at x_c = n + delta_p,
 * delta_p = (p + 1/2)/k - 1/2, so the spectrum of the cells at f cycles per M px is
 *   S(f) = sum_p exp(-2 pi i f delta_p / M) X_p(f),     X_p = native-size DFT of phase p,
 * up to the response of a cell, which is divided out: the finer grid costs no resolution. S is shared by all bands; a band costs its PSF's
 * spectrum, one product and one inverse. This needs a PSF without power beyond half a cycle per px, which the plan checks.
 */
import { Fft } from '../../src/core/fft.ts';
import { cellGainTable, phaseTable, type SpectralShape } from './spectral-tables.ts';

export class SpectralConvolver {
  private readonly shape: SpectralShape;
  /** Column frequencies 0 .. M/2 - 1: a band-limited PSF has nothing at M/2. */
  private readonly columns: number;
  private readonly fft: Fft;
  private readonly phase: Float64Array;
  private readonly gain: Float64Array;
  private readonly line: Float64Array;
  /** Row transforms, transposed: [row phase][column frequency][row]. */
  private readonly rows: Float64Array;
  private readonly psfRows: Float64Array;
  /** Columns inverted, [row of the stamp][column frequency]. */
  private readonly half: Float64Array;

  constructor(shape: SpectralShape) {
    const { oversample: k, length: M, size } = shape;
    this.shape = shape;
    this.columns = M / 2;
    this.fft = new Fft(M);
    this.phase = phaseTable(shape);
    this.gain = cellGainTable(shape);
    this.line = new Float64Array(2 * M);
    this.rows = new Float64Array(k * M * M);
    this.psfRows = new Float64Array(M * M);
    this.half = new Float64Array(M * (size + 1));
  }

  /** Numbers in a spectrum: [column frequency 0 .. M/2 - 1][row frequency 0 .. M - 1], complex. */
  get spectrumLength(): number {
    return this.shape.length ** 2;
  }

  /** Spectrum of a cell plane ((k grid)^2, row-major) into `spectrum`. */
  cellSpectrum(cells: Float64Array, spectrum: Float64Array): void {
    const { oversample: k, grid, length: M } = this.shape;
    const { rows, columns, phase, line, gain } = this;
    const side = k * grid;
    rows.fill(0);
    for (let y = 0; y < side; y += 2) {
      const paired = y + 1 < side;
      if (isZero(cells, y * side, (paired ? y + 2 : y + 1) * side)) continue;
      const first = 2 * ((y % k) * columns * M + Math.floor(y / k));
      const second = paired ? 2 * (((y + 1) % k) * columns * M + Math.floor((y + 1) / k)) : -1;
      for (let p = 0; p < k; p++) this.rowPair(cells, y, p, first, second);
    }
    for (let fx = 0; fx < columns; fx++) {
      const target = 2 * fx * M;
      spectrum.fill(0, target, target + 2 * M);
      for (let p = 0; p < k; p++) {
        const from = 2 * (p * columns + fx) * M;
        for (let i = 0; i < 2 * M; i++) line[i] = rows[from + i];
        this.fft.forward(line);
        for (let fy = 0; fy < columns; fy++) {
          const g = gain[fx * columns + fy];
          const wr = g * phase[p * M + 2 * fy];
          const wi = g * phase[p * M + 2 * fy + 1];
          const plus = 2 * fy;
          spectrum[target + plus] += line[plus] * wr - line[plus + 1] * wi;
          spectrum[target + plus + 1] += line[plus] * wi + line[plus + 1] * wr;
          if (fy === 0) continue;
          const minus = 2 * (M - fy);
          spectrum[target + minus] += line[minus] * wr + line[minus + 1] * wi;
          spectrum[target + minus + 1] += line[minus + 1] * wr - line[minus] * wi;
        }
      }
    }
  }

  /** Two real rows in one complex transform; adds phase p of both into the transposed row spectra. */
  private rowPair(cells: Float64Array, y: number, p: number, first: number, second: number): void {
    const { oversample: k, grid, length: M } = this.shape;
    const { line, rows, columns, phase } = this;
    const side = k * grid;
    line.fill(0);
    for (let n = 0, at = y * side + p; n < grid; n++, at += k) {
      line[2 * n] = cells[at];
      if (second >= 0) line[2 * n + 1] = cells[at + side];
    }
    this.fft.forward(line);
    for (let f = 0; f < columns; f++) {
      const i = 2 * f;
      const g = f === 0 ? 0 : 2 * (M - f);
      const ar = 0.5 * (line[i] + line[g]);
      const ai = 0.5 * (line[i + 1] - line[g + 1]);
      const wr = phase[p * M + i];
      const wi = phase[p * M + i + 1];
      const at = first + i * M;
      rows[at] += ar * wr - ai * wi;
      rows[at + 1] += ar * wi + ai * wr;
      if (second < 0) continue;
      const br = 0.5 * (line[i + 1] + line[g + 1]);
      const bi = 0.5 * (line[g] - line[i]);
      const other = second + i * M;
      rows[other] += br * wr - bi * wi;
      rows[other + 1] += br * wi + bi * wr;
    }
  }

  /** Spectrum of a PSF stamp (side^2 native samples from `offset`, centre in the middle) placed at the origin. */
  psfSpectrum(psf: Float64Array, side: number, offset: number, spectrum: Float64Array): void {
    if (isEven(psf, side, offset)) this.evenPsfSpectrum(psf, side, offset, spectrum);
    else this.generalPsfSpectrum(psf, side, offset, spectrum);
  }

  /** A PSF that is even in x and y has a real, even spectrum: half the rows, and two real columns in one transform. */
  private evenPsfSpectrum(psf: Float64Array, side: number, offset: number, spectrum: Float64Array): void {
    const { length: M } = this.shape;
    const { line, psfRows: real, columns } = this;
    const radius = (side - 1) / 2;
    real.fill(0);
    for (let d = 0; d <= radius; d += 2) {
      const row = offset + (radius + d) * side;
      const paired = d < radius;
      line.fill(0);
      for (let x = 0; x < side; x++) {
        const at = 2 * ((x - radius + M) % M);
        line[at] = psf[row + x];
        if (paired) line[at + 1] = psf[row + side + x];
      }
      this.fft.forward(line);
      for (let f = 0; f < columns; f++) {
        real[f * M + d] = line[2 * f];
        if (d > 0) real[f * M + M - d] = line[2 * f];
        if (!paired) continue;
        real[f * M + d + 1] = line[2 * f + 1];
        real[f * M + M - d - 1] = line[2 * f + 1];
      }
    }
    for (let fx = 0; fx < columns; fx += 2) {
      const first = fx * M;
      for (let i = 0; i < M; i++) {
        line[2 * i] = real[first + i];
        line[2 * i + 1] = real[first + M + i];
      }
      this.fft.forward(line);
      for (let i = 0; i < M; i++) {
        spectrum[2 * (first + i)] = line[2 * i];
        spectrum[2 * (first + i) + 1] = 0;
        spectrum[2 * (first + M + i)] = line[2 * i + 1];
        spectrum[2 * (first + M + i) + 1] = 0;
      }
    }
  }

  private generalPsfSpectrum(psf: Float64Array, side: number, offset: number, spectrum: Float64Array): void {
    const { length: M } = this.shape;
    const { line, psfRows: rows, columns } = this;
    const radius = (side - 1) / 2;
    rows.fill(0);
    for (let y = 0; y < side; y += 2) {
      const paired = y + 1 < side;
      line.fill(0);
      for (let x = 0; x < side; x++) {
        const at = 2 * ((x - radius + M) % M);
        line[at] = psf[offset + y * side + x];
        if (paired) line[at + 1] = psf[offset + (y + 1) * side + x];
      }
      this.fft.forward(line);
      const first = 2 * ((y - radius + M) % M);
      const second = 2 * ((y + 1 - radius + M) % M);
      for (let f = 0; f < columns; f++) {
        const i = 2 * f;
        const g = f === 0 ? 0 : 2 * (M - f);
        rows[i * M + first] = 0.5 * (line[i] + line[g]);
        rows[i * M + first + 1] = 0.5 * (line[i + 1] - line[g + 1]);
        if (!paired) continue;
        rows[i * M + second] = 0.5 * (line[i + 1] + line[g + 1]);
        rows[i * M + second + 1] = 0.5 * (line[g] - line[i]);
      }
    }
    for (let fx = 0; fx < columns; fx++) {
      const from = 2 * fx * M;
      for (let i = 0; i < 2 * M; i++) line[i] = rows[from + i];
      this.fft.forward(line);
      for (let i = 0; i < 2 * M; i++) spectrum[from + i] = line[i];
    }
  }

  /** Inverse transform of `weight` times source times PSF, cropped to the stamp: size^2 values into `out` at `offset`. */
  multiplyAndInvert(source: Float64Array, psf: Float64Array, weight: number, out: Float64Array, offset: number): void {
    const { size, pad, length: M } = this.shape;
    const { columns, line, half } = this;
    for (let fx = 0; fx < columns; fx++) {
      const at = 2 * fx * M;
      for (let i = 0; i < 2 * M; i += 2) {
        const ar = source[at + i];
        const ai = source[at + i + 1];
        const br = psf[at + i];
        const bi = psf[at + i + 1];
        line[i] = ar * br - ai * bi;
        line[i + 1] = ar * bi + ai * br;
      }
      line[M] = 0; // row frequency M/2
      line[M + 1] = 0;
      this.fft.inverse(line);
      for (let y = 0; y < size; y++) {
        const to = 2 * (y * columns + fx);
        half[to] = line[2 * (pad + y)];
        half[to + 1] = line[2 * (pad + y) + 1];
      }
    }
    const scale = weight / (M * M);
    for (let y = 0; y < size; y += 2) {
      this.inverseRowPair(y, y + 1 < size);
      for (let x = 0; x < size; x++) {
        out[offset + y * size + x] = line[2 * (pad + x)] * scale;
        if (y + 1 < size) out[offset + (y + 1) * size + x] = line[2 * (pad + x) + 1] * scale;
      }
    }
  }

  /** line = inverse of A + iB, A and B the half spectra of rows y and y+1: their inverses are its real and imaginary part. */
  private inverseRowPair(y: number, paired: boolean): void {
    const { length: M } = this.shape;
    const { line, half, columns } = this;
    line[M] = 0;
    line[M + 1] = 0;
    for (let f = 0; f < columns; f++) {
      const a = 2 * (y * columns + f);
      const b = a + 2 * columns;
      const br = paired ? half[b] : 0;
      const bi = paired ? half[b + 1] : 0;
      line[2 * f] = half[a] - bi;
      line[2 * f + 1] = half[a + 1] + br;
      if (f > 0) {
        const g = 2 * (M - f);
        line[g] = half[a] + bi;
        line[g + 1] = br - half[a + 1];
      }
    }
    this.fft.inverse(line);
  }
}

/** True when the stamp equals its mirror images in x and y, bit for bit, as make-psf's centred round models do. */
function isEven(psf: Float64Array, side: number, offset: number): boolean {
  const last = side - 1;
  for (let y = 0; y <= last / 2; y++) {
    for (let x = 0; x <= last / 2; x++) {
      const value = psf[offset + y * side + x];
      if (psf[offset + y * side + last - x] !== value) return false;
      if (psf[offset + (last - y) * side + x] !== value || psf[offset + (last - y) * side + last - x] !== value) return false;
    }
  }
  return true;
}

function isZero(values: Float64Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (values[i] !== 0) return false;
  return true;
}
