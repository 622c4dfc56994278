/** Numbers that are numbers, and in the range that they can have. */
import { QuantileSketch } from '../../../core/statistics.ts';
import { metricsColumns } from '../columns.ts';
import { type Check, count, decide, increment, listCounts, none, percent, type Rule, short, skip } from './checks.ts';
import type { Expected } from './context.ts';
import type { Examiner, Rows } from './rows.ts';

const FINITE: Rule = {
  name: 'finite',
  threshold: '0 NaN or infinite values in any column of floats',
  why: 'What is not known is null: a NaN passes comparisons silently, and 0.08 % of the stamps of the originals held NaN with cutout_ok 1.',
};
const THETA: Rule = {
  name: 'theta-e-range',
  threshold: 'injections in (0, 5] arcsec',
  why: 'Galaxies make Einstein radii of 0.2 to 3 arcsec; beyond 5 the arc leaves a stamp of 64 pixels or the unit is wrong.',
};
const PSF: Rule = {
  name: 'psf-range',
  threshold: 'psf_fwhm_used in [0.5, 5] arcsec',
  why: 'Ground-based seeing: below 0.5 it is a size in pixels or sigma, above 5 a map without coverage.',
};
const FLUX: Rule = {
  name: 'render-flux-err',
  threshold: 'p99.9 <= 0.5 % (above 0.5 % anywhere: warn)',
  why: 'Flux exact to 0.5 % is what adaptive sampling promises; point sampling was 22 % off at a radius of 0.1 arcsec.',
};
const OVERSAMPLE: Rule = {
  name: 'oversample',
  threshold: '0 injections without oversample >= 1',
  why: 'A row says how finely it was drawn: magnifications below 1 of the originals were aliasing of one sample per pixel.',
};

const FLUX_LIMIT = 0.005;

export class ValueRanges implements Examiner {
  readonly #expected: Expected;
  readonly #floats: readonly string[];
  readonly #notFinite = new Map<string, number>();
  #injections = 0;
  #drawn = 0;
  #thetaFaults = 0;
  readonly #psfFaults = new Map<string, number>();
  #noOversample = 0;
  readonly #fluxError = new QuantileSketch();
  #fluxAbove = 0;

  constructor(expected: Expected) {
    this.#expected = expected;
    this.#floats = metricsColumns(expected.bands)
      .filter(({ type }) => type === 'float64' || type === 'float32')
      .map(({ name }) => name);
  }

  read(rows: Rows): void {
    for (const name of this.#floats) {
      if (!rows.has(name)) continue;
      let odd = 0;
      for (const value of rows.numbers(name)) if (!Number.isFinite(value)) odd++;
      // A null is read as NaN here, and is none.
      odd -= rows.nulls(name);
      if (odd > 0) increment(this.#notFinite, name, odd);
    }
    const control = rows.numbers('is_control');
    const ok = rows.numbers('cutout_ok');
    const theta = rows.numbers('theta_e_arcsec');
    const error = rows.numbers('render_flux_err');
    const oversample = rows.numbers('oversample');
    const psf = this.#expected.bands.map((band) => [band, rows.numbers(`psf_fwhm_used_${band}`)] as const);
    for (let row = 0; row < rows.count; row++) {
      if (control[row] === 1) continue;
      this.#injections++;
      if (!(theta[row] > 0 && theta[row] <= 5)) this.#thetaFaults++;
      for (const [band, values] of psf) if (values[row] < 0.5 || values[row] > 5) increment(this.#psfFaults, band);
      if (ok[row] !== 1) continue;
      this.#drawn++;
      if (!(oversample[row] >= 1)) this.#noOversample++;
      if (!Number.isFinite(error[row])) continue;
      this.#fluxError.add(error[row]);
      if (error[row] > FLUX_LIMIT) this.#fluxAbove++;
    }
  }

  checks(): Check[] {
    const sum = (counts: Map<string, number>) => [...counts.values()].reduce((total, held) => total + held, 0);
    const finite = none(FINITE, sum(this.#notFinite), listCounts(this.#notFinite));
    if (this.#injections === 0)
      return [finite, ...[THETA, PSF, FLUX, OVERSAMPLE].map((rule) => skip(rule, 'There are no injections.'))];
    return [
      finite,
      none(THETA, this.#thetaFaults, `Of ${count(this.#injections)} injections.`),
      this.#expected.config.psfModel === 'none'
        ? skip(PSF, 'psf_model is none.')
        : none(PSF, sum(this.#psfFaults), listCounts(this.#psfFaults)),
      this.#flux(),
      this.#drawn === 0
        ? skip(OVERSAMPLE, 'No injection was drawn.')
        : none(OVERSAMPLE, this.#noOversample, `Of ${count(this.#drawn)} injections.`),
    ];
  }

  #flux(): Check {
    const { count: measured, moments } = this.#fluxError;
    if (measured === 0) return decide(FLUX, this.#drawn === 0 ? 'skipped' : 'no-go', null, 'No row says its error.');
    const high = this.#fluxError.quantile(0.999);
    const verdict = high > FLUX_LIMIT ? 'no-go' : this.#fluxAbove > 0 || measured < this.#drawn ? 'warn' : 'go';
    const detail = `Median ${percent(this.#fluxError.quantile(0.5))}, largest ${short(100 * moments.max)} %; above 0.5 %: ${count(this.#fluxAbove)} of ${count(measured)}; not said: ${count(this.#drawn - measured)}.`;
    return decide(FLUX, verdict, percent(high), detail);
  }
}
