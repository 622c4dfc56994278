/** How the demo scene draws: profiles as mixtures, stars and galaxies through the PSF and the pixel. */
import { describe, expect, it } from 'vitest';
import { philoxKey } from '../../../src/core/rng.ts';
import type { Frame, Mixture } from '../../../src/pipelines/demo/mixtures.ts';
import { sceneBands } from '../../../src/pipelines/demo/scene/bands.ts';
import { GalaxyFrame, type GalaxyShape } from '../../../src/pipelines/demo/scene/galaxies.ts';
import { expose } from '../../../src/pipelines/demo/scene/image.ts';
import { moffatMixture, sersicMixture } from '../../../src/pipelines/demo/scene/mixtures.ts';
import { effectiveFwhm, psfShape } from '../../../src/pipelines/demo/scene/psf.ts';
import { drawStar, type PsfShape, pixelIntegral } from '../../../src/pipelines/demo/scene/stars.ts';
import { moffatAlpha, moffatFluxOutside } from '../../../src/sky/profiles/moffat.ts';
import { sersicFluxWithin } from '../../../src/sky/profiles/sersic.ts';

const frame = (size: number): Frame => ({ width: size, height: size, pixels: new Float32Array(size * size) });
const sum = ({ pixels }: Frame): number => pixels.reduce((a, b) => a + b, 0);
const within = ({ weights, variances }: Mixture, radius: number) =>
  weights.reduce((flux, weight, i) => flux + weight * -Math.expm1(-(radius * radius) / (2 * variances[i])), 0);

const PLACE = { q: 0.9, phi: 0.7 };

/** The Moffat at a point, flux per px^2. */
function moffat({ alpha, xx, xy, yy }: PsfShape, x: number, y: number): number {
  const r2 = (yy * x * x - 2 * xy * x * y + xx * y * y) / (xx * yy - xy * xy);
  return (2.5 / (Math.PI * alpha * alpha)) * (1 + r2) ** -3.5;
}

function drawGalaxy(target: Frame, shape: GalaxyShape, psf: PsfShape, faintest: number): void {
  const galaxies = new GalaxyFrame(target);
  galaxies.draw(shape, psf, faintest);
  galaxies.finish();
}

describe('mixtures', () => {
  it.each([1, 1.3, 1.5, 2.4, 4, 5])('a Sersic profile of n = %d has its enclosed flux within 1.5e-4', (n) => {
    const mixture = sersicMixture(n);
    for (const radius of [0.05, 0.1, 0.3, 0.6, 1, 2, 4, 8, 15])
      expect(Math.abs(within(mixture, radius) - sersicFluxWithin(radius, n))).toBeLessThan(1.5e-4);
  });

  it('a Moffat has its enclosed flux within 1.5e-4', () => {
    const mixture = moffatMixture(3.5);
    for (const radius of [0.1, 0.3, 0.6, 1, 2, 4, 8])
      expect(Math.abs(within(mixture, radius) - 1 + moffatFluxOutside(radius, 1, 3.5))).toBeLessThan(1.5e-4);
  });
});

describe('stars', () => {
  it.each([2, 3.2, 5])('of FWHM %d px are integrated over pixels as 24 x 24 points do it', (fwhmPx) => {
    const shape = psfShape({ fwhmPx, ...PLACE });
    const peak = pixelIntegral(shape, 0, 0);
    for (const [dx, dy] of [
      [0, 0],
      [0.5, 0.5],
      [0.3, -0.2],
      [1.2, 0.4],
      [2, -3],
      [4.1, 2.2],
      [7, 6],
    ]) {
      let fine = 0;
      for (let j = 0; j < 24; j++)
        for (let i = 0; i < 24; i++) fine += moffat(shape, dx - 0.5 + (i + 0.5) / 24, dy - 0.5 + (j + 0.5) / 24) / 576;
      // The points themselves are good to 24^-2 / 24 of the curvature.
      expect(Math.abs(pixelIntegral(shape, dx, dy) - fine) / peak).toBeLessThan(2e-4);
    }
  });

  it.each([2, 3.2, 5])('of FWHM %d px keep 99.95 % of their flux, faint ones too', (fwhmPx) => {
    const shape = psfShape({ fwhmPx, ...PLACE });
    for (const [flux, faintest] of [
      [1, 1],
      [1e4, 0.03],
      [1e6, 0.03],
    ]) {
      const image = frame(401);
      drawStar(image, 200.37, 199.81, flux, shape, faintest);
      expect(Math.abs(sum(image) / flux - 1)).toBeLessThan(5e-4);
    }
  });

  it('have the shape that they are asked for', () => {
    const shape = psfShape({ fwhmPx: 4, q: 0.8, phi: 0.5 });
    const alpha = moffatAlpha(4, 3.5);
    // Half of the peak is at FWHM / 2 / sqrt(q) along the major axis, at FWHM sqrt(q) / 2 across.
    for (const [angle, radius] of [
      [0.5, 2 / Math.sqrt(0.8)],
      [0.5 + Math.PI / 2, 2 * Math.sqrt(0.8)],
    ])
      expect(moffat(shape, radius * Math.cos(angle), radius * Math.sin(angle)) / moffat(shape, 0, 0)).toBeCloseTo(0.5, 10);
    expect(shape.xx * shape.yy - shape.xy ** 2).toBeCloseTo(alpha ** 4, 8);
  });

  it('look wider through the pixel by about 1/12 px^2 per axis', () => {
    for (const fwhm of [2, 3, 5]) {
      const wider = Math.sqrt(fwhm ** 2 + (8 * Math.LN2) / 12);
      expect(Math.abs(effectiveFwhm(fwhm) / wider - 1)).toBeLessThan(0.03);
      expect(effectiveFwhm(fwhm)).toBeGreaterThan(fwhm);
    }
  });
});

describe('galaxies', () => {
  const shape: GalaxyShape = { x: 300.3, y: 299.6, flux: 1000, n: 1, radius: 5, q: 0.6, phi: 0.6 };

  it.each([
    ['faint disc', { ...shape, flux: 50 }],
    ['bright disc', { ...shape, flux: 1e6 }],
    ['small disc', { ...shape, radius: 0.5 }],
    ['disc with its widest part on the coarse grid', { ...shape, radius: 20, q: 0.9 }],
    ['n = 1.6', { ...shape, n: 1.6 }],
  ] as const)('%s keeps 99.9 % of its flux', (_, galaxy) => {
    const image = frame(601);
    drawGalaxy(image, galaxy, psfShape({ fwhmPx: 3, ...PLACE }), 0.03);
    expect(Math.abs(sum(image) / galaxy.flux - 1)).toBeLessThan(1e-3);
  });

  it('de Vaucouleurs profiles lose only what is outside of the frame', () => {
    const image = frame(601);
    const galaxy = { ...shape, n: 4, radius: 3, q: 0.999 };
    drawGalaxy(image, galaxy, psfShape({ fwhmPx: 3, ...PLACE }), 0.001);
    // A square of half side 300 px holds what a circle between it and its corner does.
    const flux = sum(image) / galaxy.flux;
    expect(flux).toBeGreaterThan(sersicFluxWithin(100, 4) - 1e-3);
    expect(flux).toBeLessThan(1);
  });

  it('a tiny one is a star', () => {
    const psf = psfShape({ fwhmPx: 2, ...PLACE });
    const [galaxy, star] = [frame(61), frame(61)];
    const at = { x: 30.2, y: 29.7 };
    drawGalaxy(galaxy, { ...shape, ...at, radius: 1e-3, q: 1 }, psf, 1e-3);
    drawStar(star, at.x, at.y, shape.flux, psf, 1e-3);
    const peak = Math.max(...star.pixels);
    const worst = galaxy.pixels.reduce((most, value, index) => Math.max(most, Math.abs(value - star.pixels[index])), 0);
    expect(worst / peak).toBeLessThan(3e-3);
  });

  it('lie where and as they are asked to', () => {
    const image = frame(601);
    const psf = psfShape({ fwhmPx: 2, q: 1, phi: 0 });
    drawGalaxy(image, { ...shape, radius: 12 }, psf, 1e-6);
    const flux = sum(image);
    const moment = [0, 0, 0, 0, 0];
    image.pixels.forEach((value, index) => {
      const [dx, dy] = [(index % 601) - shape.x, Math.floor(index / 601) - shape.y];
      [dx, dy, dx * dx, dy * dy, dx * dy].forEach((term, k) => {
        moment[k] += (term * value) / flux;
      });
    });
    expect(Math.hypot(moment[0], moment[1])).toBeLessThan(2e-3);
    expect(Math.atan2(2 * moment[4], moment[2] - moment[3]) / 2).toBeCloseTo(shape.phi, 2);
  });
});

describe('noise', () => {
  it.each([0, 5, 400, 20_000])('under %d ADU of light has the variance of sky and photons, and their skewness', (light) => {
    const [band] = sceneBands(1);
    const image = frame(512);
    image.pixels.fill(light);
    expect(expose(image, band, philoxKey(3), 0)).toBe(0);
    const count = image.pixels.length;
    const mean = sum(image) / count;
    const central = (power: number) => image.pixels.reduce((total, value) => total + (value - mean) ** power, 0) / count;
    const variance = band.skySigmaAdu ** 2 + light / band.electronsPerAdu;
    expect(Math.abs(mean - light)).toBeLessThan(4 * Math.sqrt(variance / count));
    expect(Math.abs(central(2) / variance - 1)).toBeLessThan(4 * Math.sqrt(2 / count) + 1e-3);
    const electrons = variance * band.electronsPerAdu ** 2;
    const poisson = electrons - 2.5 ** 2;
    expect(Math.abs(central(3) / variance ** 1.5 - poisson / electrons ** 1.5)).toBeLessThan(4 * Math.sqrt(6 / count) + 2e-3);
  });

  it('is clipped at SATURATE', () => {
    const [band] = sceneBands(1);
    const image = frame(16);
    image.pixels.fill(2 * band.saturateAdu);
    expect(expose(image, band, philoxKey(3), 0)).toBe(256);
    expect(image.pixels.every((value) => value === band.saturateAdu)).toBe(true);
  });
});
