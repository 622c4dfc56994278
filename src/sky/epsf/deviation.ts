/** The grid of what the stars show beyond the template: how far it reaches, how strongly it is held, and one solve of it. */
import { PhiloxStream, philoxKey } from '../../core/rng.ts';
import { GridSystem } from './grid.ts';
import type { Noise } from './judge-stars.ts';
import { LanczosRun } from './krylov.ts';
import { median } from './quality.ts';
import type { FitStar } from './stars.ts';
import type { Template } from './template.ts';

/** Deviations from the template that are looked for, as a part of sqrt(template x peak): sets how far out the grid reaches. */
const EXPECTED = 0.05;
/** Most Lanczos steps of one solve, and the residual that is enough: stars and grid take turns, so more would be lost on the next turn. */
const MOST_STEPS = 80;
const ENOUGH = 1e-3;

/** Natural logarithms of the strengths that are tried. At the highest a deviation is held to 1e-5 of sqrt(template x peak). */
const LOG_STRENGTH = { low: -12, high: 20, step: 0.25 };

export class DeviationGrid {
  readonly #fullSide: number;
  readonly #system: GridSystem;
  readonly #envelope: Float64Array;
  #strength = Number.NaN;
  #unknowns = 0;

  /** `base`: coefficients of the template on the full grid, fullSide x fullSide. */
  constructor(
    base: Float64Array,
    fullSide: number,
    oversampling: number,
    template: Template,
    stars: readonly FitStar[],
    noise: Noise,
  ) {
    this.#fullSide = fullSide;
    const middle = (fullSide - 1) / 2;
    const peak = base[(base.length - 1) / 2];
    // Signal-to-noise of a deviation that is one FWHM wide, all stars together.
    let information = 0;
    for (const star of stars)
      information += (star.flux * star.flux * median(star.given.filter((weight) => weight > 0))) / noise.scale;
    const area = template.fwhm * template.fwhm;
    let reach = 4 * oversampling;
    for (let r = middle; r > reach; r--) {
      const value = Math.max(base[middle * fullSide + middle + r], base[(middle + r) * fullSide + middle]);
      if (EXPECTED * EXPECTED * value * peak * information * area > 0.04) reach = r;
    }
    reach = Math.min(middle, reach);
    const side = 2 * reach + 1;
    this.#envelope = new Float64Array(side * side);
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        this.#envelope[y * side + x] = Math.sqrt(Math.max(0, base[(y + middle - reach) * fullSide + x + middle - reach]) * peak);
      }
    }
    this.#system = new GridSystem(side, oversampling, this.#envelope, (0.5 * template.fwhm * oversampling) ** 2);
  }

  get report() {
    return { strength: this.#strength, effectiveUnknowns: this.#unknowns };
  }

  /**
   * The PSF's coefficients, full grid: template plus the deviation that the stars ask for. The stars' `model` must hold the template, their weights
   * be set. With `choose` the strength of the penalty is found anew.
   */
  solve(stars: readonly FitStar[], base: Float64Array, choose: boolean): Float64Array {
    const system = this.#system;
    const multiply = (v: Float64Array, out: Float64Array) => system.multiply(v, out);
    system.assemble(stars);
    const right = system.transposed(stars, weightedResidual);
    system.smooth(right);
    const run = new LanczosRun(right, multiply);
    if (choose) {
      const probe = system.transposed(stars, probeSigns());
      system.smooth(probe);
      const trace = new LanczosRun(probe, multiply);
      const left = squaresLeft(stars);
      let choice: Choice = { strength: Number.NaN, open: true };
      while (run.steps < MOST_STEPS && (choice.open || run.residual(choice.strength) > ENOUGH)) {
        for (let k = 0; k < 5; k++) {
          run.step();
          trace.step();
        }
        choice = chooseStrength(run, trace, left);
      }
      this.#strength = choice.strength;
      this.#unknowns = trace.quadratic(this.#strength);
    } else {
      while (run.steps < MOST_STEPS && run.step()) if (run.steps % 5 === 0 && run.residual(this.#strength) < ENOUGH) break;
    }
    const u = run.solution(this.#strength);
    system.smooth(u);
    const out = base.slice();
    const { side } = system;
    const shift = (this.#fullSide - side) / 2;
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++)
        out[(y + shift) * this.#fullSide + x + shift] += this.#envelope[y * side + x] * u[y * side + x];
    }
    return out;
  }
}

/** A strength is judged where both runs hold it to this residual. */
const RESOLVED = 0.1;

interface Choice {
  readonly strength: number;
  /** True while the best strength is at the edge of what the runs resolve. */
  readonly open: boolean;
}

/**
 * The strength of the least generalised cross-validation, rss / (1 - gamma/n)^2 (Craven & Wahba 1979, Numer. Math. 31, 377), gamma the effective
 * number of unknowns, over a grid of strengths from no deviation at all downwards.
 */
function chooseStrength(run: LanczosRun, trace: LanczosRun, data: { squares: number; count: number }): Choice {
  let least = Number.POSITIVE_INFINITY;
  let strength = Number.NaN;
  let lowest = Number.NaN;
  for (let at = LOG_STRENGTH.high; at >= LOG_STRENGTH.low; at -= LOG_STRENGTH.step) {
    const lambda = Math.exp(at);
    if (run.residual(lambda) > RESOLVED || trace.residual(lambda) > RESOLVED) break;
    lowest = lambda;
    // |y - A v|^2 = |y|^2 - 2 b'v + v'Kv, and b'v = v'Kv + lambda |v|^2.
    const { length, image } = run.energies(lambda);
    const left = 1 - trace.quadratic(lambda) / data.count;
    const score = (data.squares - 2 * lambda * length - image) / (left * left);
    if (score < least) {
      least = score;
      strength = lambda;
    }
  }
  return { strength, open: !(strength > 4 * lowest) };
}

/** Weighted sum of squares that the template leaves, and the number of pixels. */
function squaresLeft(stars: readonly FitStar[]): { squares: number; count: number } {
  let squares = 0;
  let count = 0;
  for (const { data, weight, model, flux, background } of stars) {
    for (let k = 0; k < data.length; k++) {
      if (weight[k] === 0) continue;
      const residual = data[k] - background - flux * model[k];
      squares += weight[k] * residual * residual;
      count++;
    }
  }
  return { squares, count };
}

function probeSigns(): (star: FitStar) => Float64Array {
  const random = new PhiloxStream(philoxKey(0));
  return (star) => {
    let bits = 0;
    let left = 0;
    return star.weight.map((weight) => {
      if (left === 0) {
        bits = random.word();
        left = 32;
      }
      const sign = bits & 1 ? 1 : -1;
      bits >>>= 1;
      left--;
      return sign * Math.sqrt(weight);
    });
  };
}

function weightedResidual(star: FitStar): Float64Array {
  const { data, weight, model, flux, background } = star;
  return weight.map((w, k) => w * (data[k] - background - flux * model[k]));
}
