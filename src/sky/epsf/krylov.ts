/**
 * Lanczos runs: from a symmetric K and a vector b, an orthonormal basis Q of the Krylov space with Q'KQ = T tridiagonal. (K + lambda) v = b then has
 * the solution v = |b| Q (T + lambda)^-1 e_1 for every lambda from one run, and b'(K + lambda)^-1 b = |b|^2 e_1'(T + lambda)^-1 e_1 by Gauss
 * quadrature (Golub & Meurant 2010, 6-7).
 */

export class LanczosRun {
  readonly norm: number;
  readonly #basis: Float64Array[] = [];
  readonly #diagonal: number[] = [];
  readonly #beside: number[] = [];
  readonly #multiply: (v: Float64Array, out: Float64Array) => void;

  constructor(b: Float64Array, multiply: (v: Float64Array, out: Float64Array) => void) {
    this.#multiply = multiply;
    this.norm = Math.sqrt(dot(b, b));
    if (this.norm > 0) this.#basis.push(b.map((value) => value / this.norm));
  }

  get steps(): number {
    return this.#diagonal.length;
  }

  /** One more step; false when the space is exhausted. */
  step(): boolean {
    const k = this.steps;
    if (k >= this.#basis.length) return false;
    const next = new Float64Array(this.#basis[k].length);
    this.#multiply(this.#basis[k], next);
    const alpha = dot(next, this.#basis[k]);
    // Against the whole basis, not the last two vectors: rounding would bring the large eigenvalues in again and again.
    for (const vector of this.#basis) {
      const part = dot(next, vector);
      for (let n = 0; n < next.length; n++) next[n] -= part * vector[n];
    }
    const beta = Math.sqrt(dot(next, next));
    this.#diagonal.push(alpha);
    this.#beside.push(beta);
    if (beta > 1e-14 * Math.abs(this.#diagonal[0])) {
      for (let n = 0; n < next.length; n++) next[n] /= beta;
      this.#basis.push(next);
    }
    return true;
  }

  /** z = |b| (T + lambda)^-1 e_1: the solution in the basis. */
  solveSmall(lambda: number): Float64Array {
    const m = this.steps;
    const z = new Float64Array(m);
    const pivot = new Float64Array(m);
    for (let k = 0; k < m; k++) {
      const factor = k > 0 ? this.#beside[k - 1] / pivot[k - 1] : 0;
      pivot[k] = this.#diagonal[k] + lambda - (k > 0 ? factor * this.#beside[k - 1] : 0);
      z[k] = k > 0 ? -factor * z[k - 1] : this.norm;
    }
    for (let k = m - 1; k >= 0; k--) z[k] = (z[k] - (k < m - 1 ? this.#beside[k] * z[k + 1] : 0)) / pivot[k];
    return z;
  }

  /** Residual |b - (K + lambda) v| over |b|. */
  residual(lambda: number): number {
    const m = this.steps;
    if (m === 0) return 1;
    return (this.#beside[m - 1] * Math.abs(this.solveSmall(lambda)[m - 1])) / this.norm;
  }

  /** b'(K + lambda)^-1 b. */
  quadratic(lambda: number): number {
    return this.steps === 0 ? 0 : this.norm * this.solveSmall(lambda)[0];
  }

  /** |v|^2 and v'Kv of the solution. */
  energies(lambda: number): { length: number; image: number } {
    const z = this.solveSmall(lambda);
    const length = dot(z, z);
    return { length, image: this.norm * (z[0] ?? 0) - lambda * length };
  }

  /** v, as long as b. */
  solution(lambda: number): Float64Array {
    const z = this.solveSmall(lambda);
    const out = new Float64Array(this.#basis[0]?.length ?? 0);
    for (let k = 0; k < z.length; k++) {
      const vector = this.#basis[k];
      for (let n = 0; n < out.length; n++) out[n] += z[k] * vector[n];
    }
    return out;
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
  return sum;
}
