/**
 * The chain of one plan: render, PSF, convolution, then what the survey makes of the light (coverage, core mask, shot noise) and its sums. Only the
 * arc and a few numbers per row leave the device: the host image is added where it lies, in memory, so it need not travel.
 */
import type { Chain, ChainStep } from '../../../engine/executor.ts';
import { renderChain } from '../render.ts';
import { planKey, type RenderPlan } from '../render-plan.ts';

/** What reduce-stamps gives of the arc, by the name of its wire here. */
const ARC_SUMS = {
  maxSignificance: 'arc_snr',
  goodSum: 'good_sum',
  goodVariance: 'good_variance',
  weightedSquare: 'weighted_square',
  goodCount: 'good_count',
  significantCount: 'significant_count',
} as const;

/** Outputs that nobody reads still have to go somewhere. */
const UNREAD = [
  'sum',
  'max',
  'goodSum',
  'weightedSum',
  'weightedSquare',
  'maxSignificance',
  'goodVariance',
  'goodCount',
  'significantCount',
];

function sumStep(values: string, prefix: string, options: object, read: Readonly<Record<string, string>>): ChainStep {
  const outputs = Object.fromEntries(UNREAD.map((name) => [name, read[name] ?? `${prefix}_${name}`]));
  return { kernel: 'reduce-stamps', options, inputs: { values, weights: 'weights', mask: 'mask' }, outputs };
}

export interface ArcChainOptions {
  readonly badBits: number;
  readonly noise: boolean;
  /** Sides of the banks, see renderChain. */
  readonly templateSide: number;
  readonly psfSide: number;
}

/** Wires: those of renderInputs, and `weights`, `mask`, `core`, `gain`, `gain_per_invvar`, `key`. */
export function arcChain(plan: RenderPlan, { badBits, noise, templateSide, psfSide }: ArcChainOptions): Chain {
  const { steps } = renderChain(plan, { template: templateSide, psf: psfSide }, false);
  const { bands, size } = plan;
  const light = plan.pad > 0 ? 'convolved' : 'lensed';
  const reduce = { planes: bands, height: size, width: size, badBits };
  const survey = { weights: 'weights', core: 'core', gain: 'gain', gain_per_invvar: 'gain_per_invvar', key: 'key' };
  const stamp = (noisy: boolean, arc: string): ChainStep => ({
    kernel: 'inject-stamp',
    options: { bands, size, noise: noisy },
    inputs: { convolved: light, ...survey },
    outputs: { arc },
  });
  // Signal-to-noise is that of the light, not of one draw of its photons: noise would lift the peaks of faint arcs by a fifth.
  const clean = noise ? 'clean' : 'arc';
  return {
    steps: [
      ...steps,
      stamp(false, clean),
      ...(noise ? [stamp(true, 'arc'), sumStep('arc', 'noisy_unread', reduce, { sum: 'arc_sum' })] : []),
      sumStep(clean, 'arc_unread', reduce, noise ? ARC_SUMS : { ...ARC_SUMS, sum: 'arc_sum' }),
      sumStep(light, 'light_unread', reduce, { sum: 'light_sum' }),
      sumStep('unlensed', 'unlensed_unread', reduce, { sum: 'unlensed_sum' }),
    ],
    keep: ['arc', ...(noise ? ['clean'] : []), 'arc_sum', ...Object.values(ARC_SUMS), 'light_sum', 'unlensed_sum', 'flux_err'],
  };
}

/** Chains by plan: an engine compiles a chain once per object. */
export class ArcChains {
  readonly #chains = new Map<string, Chain>();
  readonly #options: ArcChainOptions;

  constructor(options: ArcChainOptions) {
    this.#options = options;
  }

  of(plan: RenderPlan): Chain {
    const key = planKey(plan);
    let chain = this.#chains.get(key);
    if (chain === undefined) {
      chain = arcChain(plan, this.#options);
      this.#chains.set(key, chain);
    }
    return chain;
  }
}
