import { describe, expect, it } from 'vitest';
import { Fft, fftLength, fftRadices } from '../../src/core/fft.ts';

function naive(data: Float64Array): Float64Array {
  const n = data.length / 2;
  const out = new Float64Array(2 * n);
  for (let f = 0; f < n; f++) {
    for (let j = 0; j < n; j++) {
      const angle = (-2 * Math.PI * ((f * j) % n)) / n;
      out[2 * f] += data[2 * j] * Math.cos(angle) - data[2 * j + 1] * Math.sin(angle);
      out[2 * f + 1] += data[2 * j] * Math.sin(angle) + data[2 * j + 1] * Math.cos(angle);
    }
  }
  return out;
}

describe('Fft', () => {
  for (const length of [16, 24, 32, 48, 64, 96, 128, 144, 192, 256]) {
    it(`length ${length} equals the naive transform and inverts`, () => {
      const data = Float64Array.from({ length: 2 * length }, (_, i) => Math.sin(1.7 * i * i + 0.3));
      const work = data.slice();
      const fft = new Fft(length);
      fft.forward(work);
      const expected = naive(data);
      let worst = 0;
      for (let i = 0; i < work.length; i++) worst = Math.max(worst, Math.abs(work[i] - expected[i]));
      expect(worst).toBeLessThan(1e-11 * length);
      fft.inverse(work);
      for (let i = 0; i < work.length; i++) expect(work[i] / length).toBeCloseTo(data[i], 12);
    });
  }

  it('refuses lengths with other primes and rounds up to good ones', () => {
    expect(() => fftRadices(80)).toThrow(/2\^a 3\^b/);
    expect([16, 17, 97, 112, 129, 149, 193].map(fftLength)).toEqual([16, 24, 128, 128, 192, 192, 256]);
  });
});
