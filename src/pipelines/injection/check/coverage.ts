/** Every injection has every metric, and says where its PSF came from. */
import { type Check, count, decide, increment, percent, type Rule, skip } from './checks.ts';
import type { Expected } from './context.ts';
import type { Examiner, Rows } from './rows.ts';

/** Metrics of every injection; the first group needs a good pixel in the reference band. */
const OF_GOOD_PIXELS = ['arc_snr', 'arc_snr_sum'];
const OF_LIGHT = ['magnification', 'total_injected_flux_r'];
const SOURCES = ['map', 'manifest', 'reference band', 'fallback'];

const coverageRule = (metric: string): Rule => ({
  name: `coverage-${metric}`,
  threshold: '100 % of the injections with cutout_ok 1',
  why:
    metric === 'magnification'
      ? 'Once a renamed function left it null in every row, and a check for "more than 0" did not see it.'
      : 'A metric is computed for every injection or there is a branch of the code that does not: rows that lack it drop out of every selection.',
});
const PROVENANCE: Rule = {
  name: 'psf-provenance',
  threshold: '100 % of injections and bands with psf_source 0 .. 3',
  why: 'A PSF size without an origin cannot be told from a guess.',
};
const FALLBACK: Rule = {
  name: 'psf-fallback',
  threshold: 'fallback <= 1 %',
  why: 'The fallback is one size for the whole sky: in 1 % of the rows it is noise, in more of them arcs are too sharp or too soft in a way that can be learnt.',
};
const MAPS: Rule = {
  name: 'psf-maps',
  threshold: 'map >= 99 % where use_psfsize_maps is on',
  why: 'Maps that are not in the cache are silently replaced by the mean of the brick; holes of the maps are below 1 %.',
};

export class MetricCoverage implements Examiner {
  readonly #expected: Expected;
  #injections = 0;
  /** Injections without a pixel that is surely good: no peak can be measured there. */
  #blind = 0;
  readonly #missing = new Map<string, number>();
  readonly #sources = new Map<string, number>();
  #unsourced = 0;

  constructor(expected: Expected) {
    this.#expected = expected;
  }

  read(rows: Rows): void {
    const { bands, reference, config } = this.#expected;
    const control = rows.numbers('is_control');
    const ok = rows.numbers('cutout_ok');
    const bad = rows.numbers('bad_pixel_frac');
    const covered = rows.numbers(`coverage_frac_${reference}`);
    const peak = OF_GOOD_PIXELS.map((name) => [name, rows.numbers(name)] as const);
    const hasPsf = config.psfModel !== 'none';
    const psf = hasPsf ? bands.map((band) => [`psf_fwhm_used_${band}`, rows.numbers(`psf_fwhm_used_${band}`)] as const) : [];
    const light = [...OF_LIGHT.map((name) => [name, rows.numbers(name)] as const), ...psf];
    const sources = hasPsf ? bands.map((band) => rows.numbers(`psf_source_${band}`)) : [];
    for (let row = 0; row < rows.count; row++) {
      if (control[row] === 1 || ok[row] !== 1) continue;
      this.#injections++;
      for (const [name, values] of light) if (!Number.isFinite(values[row])) increment(this.#missing, name);
      // Pixels that are bad and pixels that are not covered may be all there are.
      if (bad[row] + 1 - covered[row] >= 1) this.#blind++;
      else for (const [name, values] of peak) if (!Number.isFinite(values[row])) increment(this.#missing, name);
      for (const values of sources) {
        const name = SOURCES[values[row]];
        if (name === undefined) this.#unsourced++;
        else increment(this.#sources, name);
      }
    }
  }

  checks(): Check[] {
    const { bands, config } = this.#expected;
    const hasPsf = config.psfModel !== 'none';
    const psf = hasPsf ? bands.map((band) => `psf_fwhm_used_${band}`) : [];
    const coverage = [...OF_GOOD_PIXELS, ...OF_LIGHT, ...psf].map((metric) => this.#coverage(metric));
    return [...coverage, ...this.#provenance(hasPsf)];
  }

  #coverage(metric: string): Check {
    const rule = coverageRule(metric);
    const measurable = this.#injections - (OF_GOOD_PIXELS.includes(metric) ? this.#blind : 0);
    if (measurable === 0) return skip(rule, 'There are no injections with cutout_ok 1.');
    const missing = this.#missing.get(metric) ?? 0;
    const blind = OF_GOOD_PIXELS.includes(metric) && this.#blind > 0 ? ` ${count(this.#blind)} more have no good pixel.` : '';
    return decide(
      rule,
      missing === 0 ? 'go' : 'no-go',
      percent(1 - missing / measurable),
      `${count(missing)} of ${count(measurable)} are null.${blind}`,
    );
  }

  #provenance(hasPsf: boolean): Check[] {
    const known = [...this.#sources.values()].reduce((sum, held) => sum + held, 0);
    const all = known + this.#unsourced;
    if (!hasPsf || all === 0)
      return [PROVENANCE, FALLBACK, MAPS].map((rule) => skip(rule, hasPsf ? 'There are no injections.' : 'psf_model is none.'));
    const share = (name: string) => (this.#sources.get(name) ?? 0) / all;
    const list = SOURCES.map((name) => `${name} ${percent(share(name))}`).join(', ');
    const maps = this.#expected.config.usePsfsizeMaps
      ? decide(MAPS, share('map') >= 0.99 ? 'go' : 'warn', percent(share('map')), `${list}.`)
      : skip(MAPS, 'use_psfsize_maps is off.');
    return [
      decide(PROVENANCE, this.#unsourced === 0 ? 'go' : 'no-go', percent(known / all), `${count(all)} sizes.`),
      decide(FALLBACK, share('fallback') <= 0.01 ? 'go' : 'no-go', percent(share('fallback')), `${list}.`),
      maps,
    ];
  }
}
