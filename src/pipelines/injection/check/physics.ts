/** Do the arcs behave as lensed light does: magnified, brighter for heavier lenses, wide enough to be seen. */
import { Moments } from '../../../core/statistics.ts';
import { fluxFromMagnitude } from '../../../sky/photometry.ts';
import { type Check, count, decide, percent, type Rule, short, skip } from './checks.ts';
import type { Expected } from './context.ts';
import type { Examiner, Rows } from './rows.ts';

const MAGNIFIED: Rule = {
  name: 'magnification-below-1',
  threshold: '0 injections with 2 or more images',
  why: 'A source with several images is magnified by more than 1 in sum; the 1.35 % of the originals below 1 were one sample per pixel, not physics.',
};
const RISES: Rule = {
  name: 'flux-rises-with-theta-e',
  threshold:
    'mean flux per source flux, upper half of the 0.2 arcsec bins: above 1, and not below the lower half by 2 sigma (warn) or 3 sigma (no-go)',
  why: 'A heavier lens magnifies an extended source more, if only a little where sources are placed in proportion to theta_E; the flux of the source is divided out because some priors draw it with theta_E.',
};
const RESOLVED: Rule = {
  name: 'resolved-share',
  threshold: 'theta_E / PSF FWHM >= 0.5 in at least half of the injections (warns only)',
  why: 'Below 0.5 the arc is inside the core of its host; 60 % of the originals\u2019 third version were, and what it taught was the core.',
};
const MIX: Rule = {
  name: 'arc-snr-mix',
  threshold: 'at most 25 % of the injections in the wrong bin (warns only)',
  why: 'Median peaks of 22 sigma taught detectors to expect arcs 9 to 40 times brighter than real ones.',
};

const BIN_ARCSEC = 0.2;
/** Fewer rows in a bin say nothing about its mean. */
const LEAST_ROWS = 10;

/** The histogram of arc_snr that the config asks for, else the one the originals ended up wanting. */
export function wantedMix({ config }: Expected): { edges: number[]; shares: number[]; name: string } {
  const target = config.targetArcSnr;
  if (target === 'log_uniform') {
    const edges = [0.8, 2, 8, 20, 80];
    return {
      edges,
      shares: edges.slice(1).map((edge, bin) => Math.log10(edge / edges[bin]) / 2),
      name: 'log-uniform from 0.8 to 80',
    };
  }
  if (target === 'off')
    return { edges: [0.8, 2, 8, 20, Infinity], shares: [0.4, 0.4, 0.15, 0.05], name: '40/40/15/5 % in 0.8-2-8-20-' };
  const total = target.weights.reduce((sum, weight) => sum + weight, 0);
  return { edges: [...target.edges], shares: target.weights.map((weight) => weight / total), name: 'target_arc_snr' };
}

export class ArcPhysics implements Examiner {
  readonly #expected: Expected;
  readonly #mix: ReturnType<typeof wantedMix>;
  #injections = 0;
  #measured = 0;
  readonly #below = { several: 0, one: 0, unknown: 0 };
  #lowest = Infinity;
  readonly #bins = new Map<number, { flux: Moments; ratio: Moments }>();
  #resolved = 0;
  #withResolution = 0;
  readonly #snr: number[];
  #withSnr = 0;

  constructor(expected: Expected) {
    this.#expected = expected;
    this.#mix = wantedMix(expected);
    this.#snr = new Array<number>(this.#mix.shares.length).fill(0);
  }

  read(rows: Rows): void {
    const { reference } = this.#expected;
    const control = rows.numbers('is_control');
    const ok = rows.numbers('cutout_ok');
    const magnification = rows.numbers('magnification');
    const images = rows.numbers('n_images');
    const theta = rows.numbers('theta_e_arcsec');
    const flux = rows.numbers('total_injected_flux_r');
    const magnitude = rows.numbers(`src_mag_${reference}_used`);
    const psf = rows.numbers(`psf_fwhm_used_${reference}`);
    const snr = rows.numbers('arc_snr');
    for (let row = 0; row < rows.count; row++) {
      if (control[row] === 1 || ok[row] !== 1) continue;
      this.#injections++;
      this.#readMagnification(magnification[row], images[row]);
      if (Number.isFinite(flux[row]) && theta[row] > 0) this.#readFlux(theta[row], flux[row], magnitude[row]);
      if (psf[row] > 0) {
        this.#withResolution++;
        if (theta[row] / psf[row] >= 0.5) this.#resolved++;
      }
      if (!Number.isFinite(snr[row])) continue;
      this.#withSnr++;
      const bin = this.#mix.edges.findLastIndex((edge) => snr[row] >= edge);
      if (bin >= 0 && bin < this.#snr.length) this.#snr[bin]++;
    }
  }

  #readMagnification(magnification: number, images: number): void {
    if (!Number.isFinite(magnification)) return;
    this.#measured++;
    if (magnification < this.#lowest) this.#lowest = magnification;
    if (magnification >= 1) return;
    this.#below[Number.isNaN(images) ? 'unknown' : images >= 2 ? 'several' : 'one']++;
  }

  #readFlux(theta: number, flux: number, magnitude: number): void {
    // 0.6 is the start of its bin, whatever its last bit says.
    const bin = Math.floor(theta / BIN_ARCSEC + 1e-9);
    const held = this.#bins.get(bin) ?? { flux: new Moments(), ratio: new Moments() };
    this.#bins.set(bin, held);
    held.flux.add(flux);
    const ratio = flux / fluxFromMagnitude(magnitude);
    if (Number.isFinite(ratio)) held.ratio.add(ratio);
  }

  /** Mean flux and mean flux per source flux by bin of theta_E, ascending. */
  fluxByTheta(): { theta: number; rows: number; flux: number; fluxError: number; ratio: number; ratioError: number }[] {
    return [...this.#bins]
      .sort(([a], [b]) => a - b)
      .map(([bin, { flux, ratio }]) => ({
        theta: (bin + 0.5) * BIN_ARCSEC,
        rows: flux.count,
        flux: flux.mean,
        fluxError: flux.standardError,
        ratio: ratio.count > 0 ? ratio.mean : Number.NaN,
        ratioError: ratio.standardError,
      }));
  }

  checks(): Check[] {
    if (this.#injections === 0)
      return [MAGNIFIED, RISES, RESOLVED, MIX].map((rule) => skip(rule, 'There are no injections with cutout_ok 1.'));
    return [this.#magnified(), this.#rises(), this.#resolution(), this.#mixture()];
  }

  #magnified(): Check {
    const { several, one, unknown } = this.#below;
    if (this.#measured === 0) return skip(MAGNIFIED, 'No injection has a magnification.');
    const all = several + one + unknown;
    const detail = `${count(all)} of ${count(this.#measured)} are below 1 (${percent(all / this.#measured)}): ${count(several)} with several images, ${count(one)} with one or none, ${count(unknown)} whose images were not counted. Lowest ${short(this.#lowest)}.`;
    return decide(MAGNIFIED, several > 0 ? 'no-go' : unknown > 0 ? 'warn' : 'go', several, detail);
  }

  #rises(): Check {
    const bins = this.fluxByTheta().filter(({ rows }) => rows >= LEAST_ROWS);
    if (bins.length < 2) return skip(RISES, `There are ${bins.length} bins of theta_E with ${LEAST_ROWS} rows or more.`);
    const half = Math.floor(bins.length / 2);
    const hasRatio = bins.every(({ ratio }) => Number.isFinite(ratio));
    const mean = (part: typeof bins, key: 'flux' | 'ratio') => part.reduce((sum, bin) => sum + bin[key], 0) / part.length;
    const variance = (part: typeof bins, key: 'fluxError' | 'ratioError') =>
      part.reduce((sum, bin) => sum + (bin[key] || 0) ** 2, 0) / part.length ** 2;
    const [low, high] = [bins.slice(0, half), bins.slice(half)];
    const [key, errorKey] = hasRatio ? (['ratio', 'ratioError'] as const) : (['flux', 'fluxError'] as const);
    const rise = mean(high, key) - mean(low, key);
    const sigma = Math.sqrt(variance(low, errorKey) + variance(high, errorKey));
    const detail = `Flux per source flux ${short(mean(low, 'ratio'))} to ${short(mean(high, 'ratio'))}, total flux ${short(mean(low, 'flux'))} to ${short(mean(high, 'flux'))} nanomaggies, over ${bins.length} bins.`;
    // A mask over the core takes flux away, so nothing can be said of its size.
    const isUnlensed = hasRatio && this.#expected.config.coreMaskRadius === 0 && mean(high, 'ratio') <= 1;
    const verdict = isUnlensed || rise < -3 * sigma ? 'no-go' : rise < -2 * sigma ? 'warn' : 'go';
    return decide(RISES, verdict, `${rise > 0 ? '+' : ''}${short(rise)} (sigma ${short(sigma)})`, detail);
  }

  #resolution(): Check {
    if (this.#withResolution === 0) return skip(RESOLVED, 'No injection has a PSF size.');
    const share = this.#resolved / this.#withResolution;
    return decide(RESOLVED, share >= 0.5 ? 'go' : 'warn', percent(share), `Of ${count(this.#withResolution)} injections.`);
  }

  #mixture(): Check {
    if (this.#withSnr === 0) return skip(MIX, 'No injection has an arc_snr.');
    const { edges, shares, name } = this.#mix;
    const found = this.#snr.map((held) => held / this.#withSnr);
    const outside = 1 - found.reduce((sum, share) => sum + share, 0);
    const wrong = (outside + found.reduce((sum, share, bin) => sum + Math.abs(share - shares[bin]), 0)) / 2;
    const list = found
      .map((share, bin) => `${short(edges[bin])}-${edges[bin + 1] === Infinity ? '' : short(edges[bin + 1])}: ${percent(share)}`)
      .join(', ');
    return decide(MIX, wrong <= 0.25 ? 'go' : 'warn', percent(wrong), `Against ${name}: ${list}, outside ${percent(outside)}.`);
  }
}
