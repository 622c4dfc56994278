/** A polynomial of two variables with its gradient, by Horner's rule over a triangle of coefficients. */
export class Polynomial2 {
  readonly degree: number;
  /** Coefficient of x^p y^q at p * (degree + 1) + q, p + q <= degree. */
  readonly #c: Float64Array;

  constructor(degree: number) {
    this.degree = degree;
    this.#c = new Float64Array((degree + 1) * (degree + 1));
  }

  set(p: number, q: number, value: number): void {
    this.#c[p * (this.degree + 1) + q] = value;
  }

  value(x: number, y: number): number {
    const n = this.degree;
    const c = this.#c;
    let sum = 0;
    for (let p = n; p >= 0; p--) {
      const base = p * (n + 1);
      let row = 0;
      for (let q = n - p; q >= 0; q--) row = row * y + c[base + q];
      sum = sum * x + row;
    }
    return sum;
  }

  /** Value, d/dx and d/dy added to out[at], out[at + 1], out[at + 2]. */
  addGradient(x: number, y: number, out: Float64Array, at: number): void {
    const n = this.degree;
    const c = this.#c;
    let sum = 0;
    let dx = 0;
    let dy = 0;
    for (let p = n; p >= 0; p--) {
      const base = p * (n + 1);
      let row = 0;
      let slope = 0;
      for (let q = n - p; q >= 0; q--) {
        slope = slope * y + row;
        row = row * y + c[base + q];
      }
      dx = dx * x + sum;
      sum = sum * x + row;
      dy = dy * x + slope;
    }
    out[at] += sum;
    out[at + 1] += dx;
    out[at + 2] += dy;
  }
}
