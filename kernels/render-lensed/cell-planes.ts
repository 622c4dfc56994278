/** What a render leaves in its cells: flux, and where in the cell it lies. */

export class CellPlanes {
  /** Flux per cell, row-major. */
  readonly cells: Float64Array;
  /** First moments about the cell's centre in units of flux times cell width. */
  private readonly momentX: Float64Array;
  private readonly momentY: Float64Array;
  private readonly side: number;
  private readonly oversample: number;
  /** Rows of cells that the last render lit: [firstRow, endRow). */
  private firstRow = 0;
  private endRow = 0;

  /** `side` cells a side, `oversample` of them a px. */
  constructor(side: number, oversample: number) {
    this.side = side;
    this.oversample = oversample;
    this.cells = new Float64Array(side * side);
    this.momentX = new Float64Array(side * side);
    this.momentY = new Float64Array(side * side);
  }

  /** Zeroes what the last render lit: a compact source leaves most rows dark. */
  clear(): void {
    const { side } = this;
    for (const array of [this.cells, this.momentX, this.momentY]) array.fill(0, this.firstRow * side, this.endRow * side);
    this.firstRow = side;
    this.endRow = 0;
  }

  /**
   * The cells of the last render with their light moved so that its first moments are right: a cell hands half its moment to either neighbour,
   * with opposite signs. What is left of a source smaller than a cell is then wrong in second order only (docs/kernels/convolve-psf.md).
   */
  centred(out: Float64Array): void {
    const { cells, momentX, momentY, side } = this;
    const from = Math.max(0, this.firstRow - 1);
    const to = Math.min(side, this.endRow + 1);
    out.fill(0, 0, Math.min(from, side) * side);
    out.fill(0, to * side);
    for (let y = from; y < to; y++) {
      const row = y * side;
      const below = y > 0 ? -side : 0;
      const above = y < side - 1 ? side : 0;
      for (let x = 0; x < side; x++) {
        const at = row + x;
        let moved = 0;
        if (x > 0) moved += momentX[at - 1];
        if (x < side - 1) moved -= momentX[at + 1];
        if (below !== 0) moved += momentY[at + below];
        if (above !== 0) moved -= momentY[at + above];
        out[at] = cells[at] + 0.5 * moved;
      }
    }
  }

  /** A leaf inside a cell. */
  add(cell: number, width: number, cx: number, cy: number, full: number, mean: number, slopeX: number, slopeY: number): void {
    const k = this.oversample;
    const within = (width * k) / 12;
    const row = Math.floor(cy * k);
    if (row < this.firstRow) this.firstRow = row;
    if (row >= this.endRow) this.endRow = row + 1;
    this.cells[cell] += full * mean;
    this.momentX[cell] += full * (mean * (cx * k - Math.floor(cx * k) - 0.5) + slopeX * within);
    this.momentY[cell] += full * (mean * (cy * k - Math.floor(cy * k) - 0.5) + slopeY * within);
  }

  /** Spreads a leaf over the cells that it covers. */
  deposit(
    width: number,
    cx: number,
    cy: number,
    full: number,
    mean: number,
    slopeX: number,
    slopeY: number,
    twist: number,
  ): void {
    const { cells, momentX, momentY } = this;
    const across = Math.round(width * this.oversample);
    const stride = this.side;
    const share = full / (across * across);
    const gx = slopeX * share;
    const gy = slopeY * share;
    const gxy = twist * share;
    const moment = 1 / (12 * across);
    const row = Math.round((cy - 0.5 * width) * this.oversample);
    let at = row * stride + Math.round((cx - 0.5 * width) * this.oversample);
    if (row < this.firstRow) this.firstRow = row;
    if (row + across > this.endRow) this.endRow = row + across;
    for (let j = 0; j < across; j++, at += stride) {
      const y = (j + 0.5) / across - 0.5;
      const base = share * mean + gy * y;
      const slope = gx + gxy * y;
      for (let i = 0; i < across; i++) {
        const x = (i + 0.5) / across - 0.5;
        cells[at + i] += base + slope * x;
        momentX[at + i] += slope * moment;
        momentY[at + i] += (gy + gxy * x) * moment;
      }
    }
  }
}
