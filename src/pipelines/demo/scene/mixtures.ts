/**
 * Moffat and Sersic profiles as sums of Gaussians, by quadrature of what they exactly are: Gaussians mixed over their variance. Both are completely
 * monotone functions of r^2, so by Bernstein's theorem I = integral of exp(-r^2 t) dF(t), and F is known: for a Moffat a gamma
 * distribution, for a Sersic profile of n > 1/2 the one-sided stable law of index 1/(2n) (Pollard 1946; Kanter 1975, Ann. Prob. 3, 697).
 * The trapezoid rule in ln t converges exponentially. No table is fitted, and the weights sum to 1: the flux is exact.
 */
import { bn } from '../../../sky/profiles/sersic.ts';
import type { Mixture } from '../mixtures.ts';

/** Nodes are at ln t within +-REACH. */
const REACH = 40;

/**
 * Trapezoid nodes in ln t.
 *
 * @param flux flux per unit of ln t, in any unit
 * @param variance of a node
 * @param step in ln t: the logarithm of the ratio of neighbouring variances
 * @param leastWeight components with less flux than this part of the strongest one are left out
 */
function quadrature(flux: (t: number) => number, variance: (t: number) => number, step: number, leastWeight: number): Mixture {
  const nodes: { readonly weight: number; readonly variance: number }[] = [];
  const half = Math.ceil(REACH / step);
  for (let k = -half; k <= half; k++) {
    const t = Math.exp(k * step);
    nodes.push({ weight: flux(t), variance: variance(t) });
  }
  const most = nodes.reduce((largest, { weight }) => Math.max(largest, weight), 0);
  const kept = nodes.filter(({ weight }) => weight > leastWeight * most).sort((a, b) => a.variance - b.variance);
  const sum = kept.reduce((total, { weight }) => total + weight, 0);
  return { weights: kept.map(({ weight }) => weight / sum), variances: kept.map((node) => node.variance) };
}

/** Of unit flux; variances per axis in units of alpha^2. beta > 1. Enclosed flux within 1e-4 of the profile's. */
export function moffatMixture(beta: number): Mixture {
  // (1 + r^2)^-beta ~ integral of t^beta exp(-t) exp(-t r^2) d ln t, and a Gaussian of variance 1/2t holds pi/t.
  return quadrature(
    (t) => t ** (beta - 1) * Math.exp(-t),
    (t) => 0.5 / t,
    0.7,
    1e-5,
  );
}

/** Panels of Kanter's integral. */
const PANELS = 400;

/** Of unit flux; variances per axis in units of the squared half-light radius. 1 <= n <= 6. Enclosed flux within 1e-4 of the profile's. */
export function sersicMixture(n: number): Mixture {
  const index = 1 / (2 * n);
  const scale = bn(n) ** (2 * n);
  const rate = 1 / (1 - index);
  const angular = Float64Array.from({ length: PANELS }, (_, panel) => {
    const phi = (Math.PI * (panel + 0.5)) / PANELS;
    return ((Math.sin(index * phi) ** index * Math.sin((1 - index) * phi) ** (1 - index)) / Math.sin(phi)) ** rate;
  });
  // The stable density f(t); the flux of a node is f(t) t (for d ln t) times 1/t (the area of its Gaussian).
  const density = (t: number): number => {
    const power = t ** (-index * rate);
    let sum = 0;
    for (const a of angular) sum += a * Math.exp(-power * a);
    return (sum * power) / t;
  };
  // The nearer n is to 1/2, a single Gaussian, the narrower the law.
  return quadrature(density, (t) => 0.5 / (t * scale), n < 1.5 ? 0.7 : 1, 1e-4);
}
