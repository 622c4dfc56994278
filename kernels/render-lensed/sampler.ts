/**
 * Adaptive quadrature of a lensed source over the cells of a stamp: the float64 twin of shaders/render-lensed.wgsl.
 *
 * The plane is cut into blocks of 4 pixels; a node is a square with a 2 x 2 Gauss-Legendre rule. From the four rays comes the node's footprint
 * in the source plane, hence a bound on the rule's error (light.ts) in units of the tolerance, M. A node with M <= 1 is a leaf, one with M >= 2
 * is cut in four (a pixel into its cells), and between the two it is *both*, with weights 2 - M and M - 1. So the result is a continuous
 * function of every ray: a node that float32 puts on the other side of a threshold changes the answer by a rounding error, not by a level.
 */
import { type Deflector, type LensParameters, makeDeflector } from '../../src/sky/lensing/models.ts';
import { CellPlanes } from './cell-planes.ts';
import { type Light, SersicLight, type SourceParameters, TemplateLight } from './light.ts';

export interface SamplingRule {
  /** Largest error of a leaf in units of the source's peak pixel flux. */
  readonly tolerance: number;
  /** Cells that hold more light than `forceAbove` tolerances are never wider than this, px. */
  readonly coarsestPx: number;
  readonly forceAbove: number;
  /** No cell is cut below this width, px. */
  readonly finestPx: number;
}

/** The grid that is filled: `grid` px a side, `oversample` cells a px; the lens-plane origin is at `origin` px from its lower left edge. */
export interface CellGrid {
  readonly grid: number;
  readonly oversample: number;
  readonly originPx: number;
  readonly pixscaleArcsec: number;
}

/** Half the distance of the two Gauss-Legendre nodes on a unit interval, 1/(2 sqrt 3). */
const NODE = 0.5 / Math.sqrt(3);
/** Footprint of the whole cell from rays that stand 1/sqrt 3 of it apart, and the mean of two differences. */
const SPREAD = Math.sqrt(3) / 2;
/** Block side, px. */
export const BLOCK = 4;
/** Bend of the deflection across a cell, in units of width^2 |alpha| / r^2: 1/8 for an isothermal lens, twice that for a point mass. */
const BEND = 0.125;
/** Nodes with less light than this part of the tolerance are left dark, with all that they cover: 10^4 of them would not make a tenth of the tolerance. */
const DARK = 1e-5;

export class CellSampler {
  /** Sum of leaf error bounds and of flux, unit-flux source. */
  errorBound = 0;
  flux = 0;
  private readonly cellGrid: CellGrid;
  private readonly rule: SamplingRule;
  private readonly ray = new Float64Array(2);
  private readonly sersic = new SersicLight();
  private readonly template = new TemplateLight();
  private light: Light = this.sersic;
  private lens: LensParameters | null = null;
  private bend: Deflector = () => {};
  private source!: SourceParameters;
  private tolerance = 1;
  private readonly planes: CellPlanes;
  private uu = 0;
  private uv = 0;
  private vu = 0;
  private vv = 0;

  constructor(cellGrid: CellGrid, rule: SamplingRule) {
    this.cellGrid = cellGrid;
    this.rule = rule;
    this.planes = new CellPlanes(cellGrid.grid * cellGrid.oversample, cellGrid.oversample);
  }

  /**
   * Flux of a unit-flux source behind `lens` (null: none) in every cell: (grid * oversample)^2 values, row-major, overwritten by the next call.
   * `bank`: templates, side^2 each.
   */
  render(lens: LensParameters | null, source: SourceParameters, bank: ArrayLike<number>, side: number): Float64Array {
    this.errorBound = 0;
    this.flux = 0;
    this.planes.clear();
    if (source.kind === 0) return this.planes.cells;
    this.lens = lens;
    this.bend = lens === null ? this.bend : makeDeflector(lens);
    this.source = source;
    this.tolerance = this.rule.tolerance * source.peakFlux;
    this.uu = source.cosPhi * source.invU;
    this.uv = source.sinPhi * source.invU;
    this.vu = -source.sinPhi * source.invV;
    this.vv = source.cosPhi * source.invV;
    if (source.kind === 1) this.sersic.set(source);
    else this.template.set(source, bank, side);
    this.light = source.kind === 1 ? this.sersic : this.template;
    const { grid } = this.cellGrid;
    for (let y = 0; y < grid; y += BLOCK) {
      for (let x = 0; x < grid; x += BLOCK) this.visit(BLOCK, x + BLOCK / 2, y + BLOCK / 2, 1, -1);
    }
    return this.planes.cells;
  }

  /** The cells of the last render with right first moments: {@link CellPlanes.centred}. */
  centredCells(out: Float64Array): void {
    this.planes.centred(out);
  }

  /** A node of `width` px centred at (cx, cy) px from the grid's edge; `cell` >= 0: all its light goes to that cell. */
  private visit(width: number, cx: number, cy: number, weight: number, cell: number): void {
    const { originPx, pixscaleArcsec, oversample } = this.cellGrid;
    const { ray, lens, source, light, uu, uv, vu, vv } = this;
    const tx = (cx - originPx) * pixscaleArcsec;
    const ty = (cy - originPx) * pixscaleArcsec;
    const d = NODE * width * pixscaleArcsec;
    const left = tx - d - source.x;
    const right = tx + d - source.x;
    const low = ty - d - source.y;
    const high = ty + d - source.y;
    let u0: number;
    let v0: number;
    let u1: number;
    let v1: number;
    let u2: number;
    let v2: number;
    let u3: number;
    let v3: number;
    let bent = 0;
    if (lens === null) {
      u0 = uu * left + uv * low;
      v0 = vu * left + vv * low;
      u1 = uu * right + uv * low;
      v1 = vu * right + vv * low;
      u2 = uu * left + uv * high;
      v2 = vu * left + vv * high;
      u3 = uu * right + uv * high;
      v3 = vu * right + vv * high;
    } else {
      const bend = this.bend;
      bend(tx - d, ty - d, ray);
      let x = left - ray[0];
      let y = low - ray[1];
      let alpha2 = ray[0] * ray[0] + ray[1] * ray[1];
      u0 = uu * x + uv * y;
      v0 = vu * x + vv * y;
      bend(tx + d, ty - d, ray);
      x = right - ray[0];
      y = low - ray[1];
      alpha2 += ray[0] * ray[0] + ray[1] * ray[1];
      u1 = uu * x + uv * y;
      v1 = vu * x + vv * y;
      bend(tx - d, ty + d, ray);
      x = left - ray[0];
      y = high - ray[1];
      alpha2 += ray[0] * ray[0] + ray[1] * ray[1];
      u2 = uu * x + uv * y;
      v2 = vu * x + vv * y;
      bend(tx + d, ty + d, ray);
      x = right - ray[0];
      y = high - ray[1];
      alpha2 += ray[0] * ray[0] + ray[1] * ray[1];
      u3 = uu * x + uv * y;
      v3 = vu * x + vv * y;
      const rx = tx - lens.x;
      const ry = ty - lens.y;
      const size2 = width * width * pixscaleArcsec * pixscaleArcsec;
      bent = (BEND * size2 * 0.5 * Math.sqrt(alpha2) * source.invV) / Math.max(rx * rx + ry * ry, 0.25 * size2);
    }
    const dxu = (u1 - u0 + u3 - u2) * SPREAD;
    const dxv = (v1 - v0 + v3 - v2) * SPREAD;
    const dyu = (u2 - u0 + u3 - u1) * SPREAD;
    const dyv = (v2 - v0 + v3 - v1) * SPREAD;
    const mixedU = 0.75 * (u0 - u1 - u2 + u3);
    const mixedV = 0.75 * (v0 - v1 - v2 + v3);
    bent += Math.sqrt(mixedU * mixedU + mixedV * mixedV);
    const spanX2 = dxu * dxu + dxv * dxv;
    const spanY2 = dyu * dyu + dyv * dyv;
    // Half the longer diagonal of the parallelogram: no corner is farther from its centre.
    const diagonal2 = spanX2 + spanY2 + 2 * Math.abs(dxu * dyu + dxv * dyv);
    const bound = light.bound(
      0.25 * (u0 + u1 + u2 + u3),
      0.25 * (v0 + v1 + v2 + v3),
      0.5 * Math.sqrt(diagonal2) + bent,
      Math.sqrt(Math.max(spanX2, spanY2)) + 2 * bent,
    );
    const full = width * width * pixscaleArcsec * pixscaleArcsec * source.amplitude;
    const most = (full * bound) / this.tolerance;
    if (most < DARK) return;
    const misfit = most * light.relativeError;
    let split = misfit - 1;
    // Forcing is continuous as well: from forceAbove to twice that.
    if (width > this.rule.coarsestPx) split = Math.max(split, most / this.rule.forceAbove - 1);
    split = width <= this.rule.finestPx ? 0 : Math.min(1, Math.max(0, split));
    if (split < 1) {
      const i0 = light.brightness(u0, v0);
      const i1 = light.brightness(u1, v1);
      const i2 = light.brightness(u2, v2);
      const i3 = light.brightness(u3, v3);
      const share = weight * (1 - split);
      const mean = 0.25 * (i0 + i1 + i2 + i3);
      this.flux += share * full * mean;
      // A template's bound is that of its brightest part, and most of a template is dark: its error goes with the light that is there.
      this.errorBound +=
        source.kind === 2
          ? 0.25 * share * full * light.relativeError * (Math.abs(i0) + Math.abs(i1) + Math.abs(i2) + Math.abs(i3))
          : share * misfit * this.tolerance;
      // The bilinear surface through the four samples, flattened where it would go below zero.
      let slopeX = SPREAD * (i1 - i0 + i3 - i2);
      let slopeY = SPREAD * (i2 - i0 + i3 - i1);
      let twist = 3 * (i0 - i1 - i2 + i3);
      const steep = 0.5 * (Math.abs(slopeX) + Math.abs(slopeY)) + 0.25 * Math.abs(twist);
      if (steep > mean) {
        const flat = mean / steep;
        slopeX *= flat;
        slopeY *= flat;
        twist *= flat;
      }
      if (cell >= 0) this.planes.add(cell, width, cx, cy, share * full, mean, slopeX, slopeY);
      else this.planes.deposit(width, cx, cy, share * full, mean, slopeX, slopeY, twist);
    }
    if (split === 0) return;
    const below = weight * split;
    if (width > 1 || cell >= 0) {
      this.quarter(width, cx, cy, below, cell);
      return;
    }
    const px = Math.floor(cx);
    const py = Math.floor(cy);
    const stride = this.cellGrid.grid * oversample;
    if (oversample === 1) {
      this.quarter(width, cx, cy, below, py * stride + px);
      return;
    }
    for (let j = 0; j < oversample; j++) {
      for (let i = 0; i < oversample; i++) {
        const at = (py * oversample + j) * stride + px * oversample + i;
        this.visit(1 / oversample, px + (i + 0.5) / oversample, py + (j + 0.5) / oversample, below, at);
      }
    }
  }

  private quarter(width: number, cx: number, cy: number, weight: number, cell: number): void {
    const half = 0.5 * width;
    const q = 0.25 * width;
    this.visit(half, cx - q, cy - q, weight, cell);
    this.visit(half, cx + q, cy - q, weight, cell);
    this.visit(half, cx - q, cy + q, weight, cell);
    this.visit(half, cx + q, cy + q, weight, cell);
  }
}
