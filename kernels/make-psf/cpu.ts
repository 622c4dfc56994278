/**
 * float64 twin of make-psf.
 *
 * The usual PSF is round and centred: one octant is evaluated and mirrored, and (1 + r^2)^-beta of a half-integer beta is
 * multiplications and a root. Radius 24 point-sampled is 325 evaluations instead of 2401.
 */
import type { Columns, CpuTwin, HostArray } from '../../src/engine/kernel.ts';
import { PSF_KINDS } from '../psf-struct.ts';
import { checkPsfBank } from './bank.ts';
import { fluxOutsideSquare } from './flux.ts';
import { lanczosWeights, MAX_TAPS } from './lanczos.ts';
import { type GaussLegendre, gaussLegendre } from './quadrature.ts';
import { type MakePsfOptions, psfSide } from './spec.ts';

/** Point sampling as the rule of one point. */
const POINT: GaussLegendre = { nodes: new Float64Array([0]), weights: new Float64Array([2]) };

/** One Gaussian or Moffat, unpacked for the inner loops. */
interface Model {
  gaussian: boolean;
  beta: number;
  /** Whole powers of (1 + r^2), and whether a root goes with them; -1 when 2 beta is not a small integer. */
  powers: number;
  root: boolean;
  /** r^2 = xx x^2 + xy x y + yy y^2 in native pixels. */
  xx: number;
  xy: number;
  yy: number;
  rule: GaussLegendre;
  oversample: number;
  dx: number;
  dy: number;
}

export const cpu: CpuTwin<MakePsfOptions> = (options, inputs, outputs, count) => {
  const psf = inputs.psf as Columns;
  const bank = inputs.bank as HostArray;
  const side = psfSide(options);
  const { oversample } = options;
  const centre = options.radius * oversample;
  checkPsfBank(psf, bank, options.bankSide);
  for (let i = 0; i < count * options.bands; i++) {
    const stamp = outputs.psf.subarray(i * side * side, (i + 1) * side * side);
    const reach = Math.min(psf.truncation[i] * oversample, centre);
    const kind = psf.kind[i];
    outputs.fluxLost[i] = 0;
    stamp.fill(0);
    if (kind === PSF_KINDS.none) {
      stamp[centre * side + centre] = oversample * oversample;
      continue;
    }
    const rule = psf.includesPixel[i] ? POINT : gaussLegendre(psf.order[i]);
    let sum: number;
    if (kind === PSF_KINDS.pixelised) {
      sum = resampleBank(psf, i, bank, options, rule, stamp, side, reach);
    } else {
      const [cos, sin, q, scale] = [psf.cosPhi[i], psf.sinPhi[i], psf.q[i], psf.scale[i]];
      const [dx, dy, beta] = [psf.dx[i], psf.dy[i], psf.beta[i]];
      const perArea = 1 / (scale * scale);
      const small = Number.isInteger(2 * beta) && beta <= 12;
      const model: Model = {
        gaussian: kind === PSF_KINDS.gaussian,
        beta,
        powers: small ? Math.floor(beta) : -1,
        root: small && !Number.isInteger(beta),
        xx: perArea * (q * cos * cos + (sin * sin) / q),
        xy: perArea * 2 * cos * sin * (q - 1 / q),
        yy: perArea * (q * sin * sin + (cos * cos) / q),
        rule,
        oversample,
        dx,
        dy,
      };
      sum = q === 1 && dx === 0 && dy === 0 ? octant(model, stamp, side, reach) : square(model, stamp, side, reach);
      const frame = { beta: model.gaussian ? Number.POSITIVE_INFINITY : beta, scale, q, cosPhi: cos, sinPhi: sin, dx, dy };
      outputs.fluxLost[i] = fluxOutsideSquare(frame, (reach + 0.5) / oversample);
    }
    const factor = options.normalise === 'stamp' ? (oversample * oversample) / sum : psf.amplitude[i];
    for (let at = 0; at < stamp.length; at++) stamp[at] *= factor;
  }
};

/** Value 1 at the centre. */
function shape(model: Model, r2: number): number {
  if (model.gaussian) return Math.exp(-r2 / 2);
  const t = 1 + r2;
  if (model.powers < 0) return Math.exp(-model.beta * Math.log(t));
  let power = model.root ? Math.sqrt(t) : 1;
  for (let n = 0; n < model.powers; n++) power *= t;
  return 1 / power;
}

/** Profile at a point (native px from the centre sample), or its mean over the native pixel there. */
function value(model: Model, x: number, y: number): number {
  const { nodes, weights } = model.rule;
  let mean = 0;
  for (let j = 0; j < nodes.length; j++) {
    const py = y + nodes[j] / 2;
    let row = 0;
    for (let i = 0; i < nodes.length; i++) {
      const px = x + nodes[i] / 2;
      row += weights[i] * shape(model, (model.xx * px + model.xy * py) * px + model.yy * py * py);
    }
    mean += weights[j] * row;
  }
  return mean / 4;
}

/** Fills a round, centred stamp from one octant; returns the sum of its samples. */
function octant(model: Model, stamp: HostArray, side: number, reach: number): number {
  const centre = (side - 1) / 2;
  let sum = 0;
  for (let y = 0; y <= reach; y++) {
    for (let x = y; x <= reach; x++) {
      const sampled = value(model, x / model.oversample, y / model.oversample);
      mirror(stamp, side, centre, x, y, sampled);
      if (x !== y) mirror(stamp, side, centre, y, x, sampled);
      sum += sampled * (x === y ? 1 : 2) * (x === 0 ? 1 : 2) * (y === 0 ? 1 : 2);
    }
  }
  return sum;
}

function mirror(stamp: HostArray, side: number, centre: number, x: number, y: number, sampled: number): void {
  const up = (centre + y) * side + centre;
  const down = (centre - y) * side + centre;
  stamp[up + x] = sampled;
  stamp[up - x] = sampled;
  stamp[down + x] = sampled;
  stamp[down - x] = sampled;
}

/** Fills any stamp; a centred one by point symmetry. Returns the sum of its samples. */
function square(model: Model, stamp: HostArray, side: number, reach: number): number {
  const centre = (side - 1) / 2;
  const centred = model.dx === 0 && model.dy === 0;
  let sum = 0;
  for (let y = -reach; y <= (centred ? 0 : reach); y++) {
    const row = (centre + y) * side + centre;
    const opposite = (centre - y) * side + centre;
    for (let x = -reach; x <= reach; x++) {
      const sampled = value(model, x / model.oversample - model.dx, y / model.oversample - model.dy);
      stamp[row + x] = sampled;
      sum += sampled;
      if (centred && y < 0) {
        stamp[opposite - x] = sampled;
        sum += sampled;
      }
    }
  }
  return sum;
}

/** Interpolates a bank stamp at the samples, columns first, then rows. Returns the sum of the samples. */
function resampleBank(
  psf: Columns,
  index: number,
  bank: HostArray,
  options: MakePsfOptions,
  rule: GaussLegendre,
  stamp: HostArray,
  side: number,
  reach: number,
): number {
  const { bankSide, oversample } = options;
  const centre = (side - 1) / 2;
  const step = psf.bankStep[index];
  const start = psf.bankIndex[index] * bankSide * bankSide;
  const pixel = rule === POINT ? undefined : rule;
  const weights = new Float64Array(MAX_TAPS);
  const columns = new Float64Array(bankSide * (2 * reach + 1));
  for (let x = -reach; x <= reach; x++) {
    const first = lanczosWeights((x / oversample - psf.dx[index]) / step, bankSide, pixel, 1 / step, weights);
    for (let row = 0; row < bankSide; row++) {
      let interpolated = 0;
      for (let tap = Math.max(0, -first); tap < Math.min(MAX_TAPS, bankSide - first); tap++) {
        interpolated += weights[tap] * bank[start + row * bankSide + first + tap];
      }
      columns[row * (2 * reach + 1) + x + reach] = interpolated;
    }
  }
  let sum = 0;
  for (let y = -reach; y <= reach; y++) {
    const first = lanczosWeights((y / oversample - psf.dy[index]) / step, bankSide, pixel, 1 / step, weights);
    for (let x = -reach; x <= reach; x++) {
      let interpolated = 0;
      for (let tap = Math.max(0, -first); tap < Math.min(MAX_TAPS, bankSide - first); tap++) {
        interpolated += weights[tap] * columns[(first + tap) * (2 * reach + 1) + x + reach];
      }
      stamp[(centre + y) * side + centre + x] = interpolated;
      sum += interpolated;
    }
  }
  return sum;
}
