/**
 * What the sampler asks of a source: its brightness at a point of the source plane, and how wrong a four-point rule could be.
 *
 * Points are in the source's own frame and scale (u along the major axis): half-light radii for a Sersic profile, so that R = hypot(u, v);
 * template pixels for a template. Brightness is relative to `amplitude`.
 */

/** One light component ready for evaluation; a row of the `Source` struct. Lengths arcsec. */
export interface SourceParameters {
  /** SOURCE_KIND: 0 none, 1 Sersic, 2 template. */
  kind: number;
  x: number;
  y: number;
  cosPhi: number;
  sinPhi: number;
  /** 1 / major half-light radius, or 1 / template pixel. */
  invU: number;
  /** 1 / minor half-light radius, or 1 / template pixel. */
  invV: number;
  bn: number;
  invN: number;
  /** Central surface brightness of a unit-flux Sersic, per arcsec^2; 1 / (sum pixscale^2) of a template. */
  amplitude: number;
  /** The scale of the sampling tolerance: flux of a unit-flux source in the stamp pixel that holds its centre, or part of it. */
  peakFlux: number;
  bankIndex: number;
  /** Largest value of the template. */
  peak: number;
}

/** (w/R)^4 terms of the fourth derivative of exp(-b R^(1/n)) in Gauss-Legendre's error h^4 f''''/4320 per axis. */
const SERSIC_ERROR = 1 / 4320;
/** A footprint that may hold the centre is judged by the brightness at this part of its reach ... */
const SOFTENING = 0.3;
/** ... but never further out than this many half-light radii, or a huge footprint would look dark. */
const SOFTENING_CAP = 0.4;
/** b R^(1/n) where a profile of n < 1/2 bends most. */
const EDGE = 4;
const TINY = 1e-12;

export interface Light {
  /** Brightness relative to the amplitude. */
  brightness(u: number, v: number): number;
  /**
   * Upper bound of the brightness that a cell may hold, given its centre (u, v) and the reach and width of its footprint; `relativeError` is set
   * to what the four-point rule may be off by, as a fraction of that bound.
   */
  bound(u: number, v: number, reach: number, width: number): number;
  relativeError: number;
}

export class SersicLight implements Light {
  relativeError = 0;
  private bn = 1;
  private invN = 1;
  /** Where b R^(1/n) = EDGE. */
  private edge = 1;

  set(source: SourceParameters): void {
    this.bn = source.bn;
    this.invN = source.invN;
    this.edge = (EDGE / source.bn) ** (1 / source.invN);
  }

  /** R^(1/n) from R^2. */
  private power(r2: number): number {
    if (this.invN === 1) return Math.sqrt(r2);
    if (this.invN === 2) return r2;
    return r2 === 0 ? 0 : Math.exp(0.5 * this.invN * Math.log(r2));
  }

  brightness(u: number, v: number): number {
    return Math.exp(-this.bn * this.power(u * u + v * v));
  }

  bound(u: number, v: number, reach: number, width: number): number {
    const centre = Math.sqrt(u * u + v * v);
    const near = Math.max(centre - reach, Math.min(SOFTENING * reach, SOFTENING_CAP), TINY);
    const exponent = this.bn * this.power(near * near);
    // Below n = 1/2 the profile is flat inside and ends in an edge: there the rule errs most, if the footprint gets that far.
    let at = near;
    let depth = exponent;
    if (this.invN > 2) {
      at = Math.max(near, Math.min(this.edge, centre + reach));
      depth = this.bn * this.power(at * at);
    }
    const rho = width / at;
    const lambda = depth * this.invN * rho; // |d ln I| across the footprint
    const square = rho * rho;
    const error = SERSIC_ERROR * lambda * (lambda * (lambda * lambda + 7 * square) + 6 * rho * square);
    this.relativeError = Math.min(1, error * Math.exp(exponent - depth));
    return Math.exp(-exponent);
  }
}

/** Bilinear template, zero outside with a border of one pixel (inject.md 5.3; lenstronomy's INTERPOL). */
export class TemplateLight implements Light {
  relativeError = 0;
  private bank: ArrayLike<number> = [];
  private side = 1;
  private start = 0;
  private peak = 0;

  set(source: SourceParameters, bank: ArrayLike<number>, side: number): void {
    this.bank = bank;
    this.side = side;
    this.start = source.bankIndex * side * side;
    this.peak = source.peak;
  }

  private texel(x: number, y: number): number {
    return x >= 0 && y >= 0 && x < this.side && y < this.side ? this.bank[this.start + y * this.side + x] : 0;
  }

  brightness(u: number, v: number): number {
    const x = u + 0.5 * (this.side - 1);
    const y = v + 0.5 * (this.side - 1);
    if (!(x > -1 && y > -1 && x < this.side && y < this.side)) return 0;
    const x0 = Math.floor(x);
    const y0 = Math.floor(y);
    const fx = x - x0;
    const fy = y - y0;
    const low = this.texel(x0, y0) * (1 - fx) + this.texel(x0 + 1, y0) * fx;
    const high = this.texel(x0, y0 + 1) * (1 - fx) + this.texel(x0 + 1, y0 + 1) * fx;
    return low * (1 - fy) + high * fy;
  }

  /** The largest of 3 x 3 samples over the footprint, and some of the peak for what they miss; 0 once the footprint is off the template. */
  bound(u: number, v: number, reach: number, width: number): number {
    const outside = Math.max(Math.abs(u), Math.abs(v)) - reach - 0.5 * (this.side + 1);
    const inside = Math.min(1, Math.max(0, 1 - outside)); // a ramp, so that no cell stands on a step
    this.relativeError = Math.min(1, 0.03 * width * width);
    if (inside === 0) return 0;
    let brightest = 0.1 * this.peak;
    const step = 0.7 * reach;
    for (let j = -1; j <= 1; j++) {
      for (let i = -1; i <= 1; i++) brightest = Math.max(brightest, this.brightness(u + i * step, v + j * step));
    }
    return brightest * inside;
  }
}
