/**
 * Galaxies of the demo scene: Sersic ellipses through the elliptical Moffat of their place, both as sums of Gaussians, so that the convolution adds
 * covariances. The pixel is a Gaussian of its variance, 1/12 px^2 per axis: with FWHM >= 2 px that is right to 3e-4 of the peak.
 */
import { MOFFAT_BETA } from '../bands.ts';
import { addGaussian, type Frame, type Mixture, merged } from '../mixtures.ts';
import { moffatMixture, sersicMixture } from './mixtures.ts';
import type { PsfShape } from './stars.ts';

export interface GalaxyShape {
  /** 0-based pixel centre. */
  readonly x: number;
  readonly y: number;
  readonly flux: number;
  /** 1 to 6. */
  readonly n: number;
  /** Semi-major half-light radius, px. */
  readonly radius: number;
  readonly q: number;
  /** Major axis, counter-clockwise from +x, rad. */
  readonly phi: number;
}

const PSF = moffatMixture(MOFFAT_BETA);
const PIXEL_VARIANCE = 1 / 12;
/** Gaussians are drawn at least to where this part of the galaxy's flux is outside; a hundred of them at most lose 5e-4 of it. */
const LOSS = 5e-6;
/** Components narrower than this part of the narrowest PSF component are drawn as one: convolved they are alike. */
const NARROW = 0.05;
/** For components this many times the PSF's own variance the PSF is one Gaussian: the sums of both differ by 1e-4 of the peak. */
const WIDE = 30;
/** Variance of the Moffat per axis in alpha^2: 1/(2 (beta - 2)). */
const PSF_VARIANCE = 1 / (2 * (MOFFAT_BETA - 2));

const profiles = new Map<number, Mixture>();

function profileOf(n: number): Mixture {
  const known = profiles.get(n);
  if (known !== undefined) return known;
  const made = sersicMixture(n);
  profiles.set(n, made);
  return made;
}

/** Fine pixels per coarse one, and the standard deviation from which a Gaussian is drawn there, px. */
const COARSE = 4;
const COARSE_SIGMA = 16;

/**
 * A frame for galaxies. Their widest Gaussians, which reach over hundreds of pixels, are drawn on a grid of every fourth pixel, of which {@link finish}
 * interpolates the rest linearly: that keeps the flux, and widens them by 1 % in variance at most.
 */
export class GalaxyFrame {
  readonly #fine: Frame;
  readonly #coarse: Frame;

  /** Draws on `fine`. */
  constructor(fine: Frame) {
    this.#fine = fine;
    // One pixel more at each side.
    const [width, height] = [fine.width, fine.height].map((length) => Math.ceil(length / COARSE) + 2);
    this.#coarse = { width, height, pixels: new Float32Array(width * height) };
  }

  /** Adds a galaxy, each Gaussian out to where it falls below `faintest` flux per pixel, and at least so far that {@link LOSS} is kept. */
  draw(galaxy: GalaxyShape, psf: PsfShape, faintest: number): void {
    const { flux, n, radius, q, phi } = galaxy;
    const [cos, sin] = [Math.cos(phi), Math.sin(phi)];
    const narrow = (NARROW * PSF.variances[0] * psf.alpha * psf.alpha) / (radius * radius);
    const { weights, variances } = merged(profileOf(n), narrow);
    const add = (part: number, major: number, spread: number) => {
      const minor = major * q * q;
      const xx = major * cos * cos + minor * sin * sin + spread * psf.xx + PIXEL_VARIANCE;
      const yy = major * sin * sin + minor * cos * cos + spread * psf.yy + PIXEL_VARIANCE;
      this.#add(galaxy, part, minor, [xx, yy, (major - minor) * cos * sin + spread * psf.xy], faintest);
    };
    for (let i = 0; i < weights.length; i++) {
      const major = variances[i] * radius * radius;
      if (major * q * q > WIDE * PSF_VARIANCE * psf.alpha * psf.alpha) {
        add(flux * weights[i], major, PSF_VARIANCE);
        continue;
      }
      for (let j = 0; j < PSF.weights.length; j++) add(flux * weights[i] * PSF.weights[j], major, PSF.variances[j]);
    }
  }

  #add(
    { x, y, flux }: GalaxyShape,
    part: number,
    minor: number,
    [xx, yy, xy]: readonly [number, number, number],
    faintest: number,
  ): void {
    // Outside of the ellipse where a Gaussian is the part p of its peak is p of its flux.
    const least = Math.min(faintest, (LOSS * flux) / (2 * Math.PI * Math.sqrt(xx * yy - xy * xy)));
    const area = COARSE * COARSE;
    if (minor < COARSE_SIGMA * COARSE_SIGMA) addGaussian(this.#fine, x, y, part, xx, yy, xy, least);
    else addGaussian(this.#coarse, coarseAt(x), coarseAt(y), part / area, xx / area, yy / area, xy / area, least);
  }

  /** Adds what was drawn on the coarse grid. */
  finish(): void {
    const { width, height, pixels } = this.#fine;
    const coarse = this.#coarse;
    const line = new Float64Array(coarse.width);
    for (let y = 0; y < height; y++) {
      const [below, part] = split(coarseAt(y));
      for (let k = 0; k < line.length; k++) {
        const at = below * coarse.width + k;
        line[k] = (1 - part) * coarse.pixels[at] + part * coarse.pixels[at + coarse.width];
      }
      for (let x = 0; x < width; x++) {
        const [left, share] = split(coarseAt(x));
        pixels[y * width + x] += (1 - share) * line[left] + share * line[left + 1];
      }
    }
  }
}

/** Coordinate on the coarse grid: pixels 0 .. 3 are its pixel 1. */
const coarseAt = (fine: number): number => (fine - (COARSE - 1) / 2) / COARSE + 1;
const split = (at: number): [number, number] => [Math.floor(at), at - Math.floor(at)];
