/** Small symmetric systems. */

/**
 * Solves A x = b for a symmetric positive matrix by Cholesky (Golub & Van Loan, 4.2). A row-major n x n, overwritten; b overwritten by x.
 * False, with both left in an undefined state, where the matrix is singular to working precision.
 */
export function solveSymmetric(a: Float64Array, b: Float64Array, n: number): boolean {
  for (let j = 0; j < n; j++) {
    let pivot = a[j * n + j];
    const size = pivot;
    for (let k = 0; k < j; k++) pivot -= a[j * n + k] * a[j * n + k];
    if (!(pivot > 1e-13 * size)) return false;
    const root = Math.sqrt(pivot);
    a[j * n + j] = root;
    for (let i = j + 1; i < n; i++) {
      let value = a[i * n + j];
      for (let k = 0; k < j; k++) value -= a[i * n + k] * a[j * n + k];
      a[i * n + j] = value / root;
    }
  }
  for (let i = 0; i < n; i++) {
    let value = b[i];
    for (let k = 0; k < i; k++) value -= a[i * n + k] * b[k];
    b[i] = value / a[i * n + i];
  }
  for (let i = n - 1; i >= 0; i--) {
    let value = b[i];
    for (let k = i + 1; k < n; k++) value -= a[k * n + i] * b[k];
    b[i] = value / a[i * n + i];
  }
  return true;
}
