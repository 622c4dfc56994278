/** Distributions of the metrics: exact counts into sketches for the statistics, and a sample by hash for the figures. */
import { QuantileSketch, SmallestKeys } from '../../../core/statistics.ts';
import { percent, short } from './checks.ts';
import type { Expected } from './context.ts';
import type { Examiner, Rows } from './rows.ts';

/** Injections and controls that figures are drawn from. */
const SAMPLE_ROWS = 20_000;

/** The originals' run of January 2026: train tier, grid_small, 10,627,158 rows. */
const THEIRS: Readonly<Record<string, string>> = {
  injections: '50.1 %',
  psf_fwhm_used_g: '1.515',
  psf_fwhm_used_r: '1.307',
  psf_fwhm_used_z: '1.254',
  arc_snr: '22',
  'arc_snr (max)': '1965',
  'magnification (min)': '0.1',
  magnification: '5.6',
  'magnification (max)': '212.6',
  'total_injected_flux_r (min)': '0.08',
  total_injected_flux_r: '4.6',
  'total_injected_flux_r (max)': '491',
  bad_pixel_frac: '0',
  'bad_pixel_frac (95 %)': '0.56',
  'wise_brightmask_frac (95 %)': '0.205',
};

/** One statistic of this run beside that of the originals' run; a name alone is a median. */
export interface Compared {
  readonly name: string;
  readonly here: string;
  readonly theirs: string;
}

export class Distributions implements Examiner {
  readonly #columns: readonly string[];
  readonly #sketches = new Map<string, QuantileSketch>();
  readonly #sample = new SmallestKeys<Float64Array>(SAMPLE_ROWS);
  readonly #quality = new SmallestKeys<readonly [bad: number, wise: number, control: number]>(SAMPLE_ROWS);
  #rows = 0;
  #injections = 0;

  constructor({ bands, reference }: Expected) {
    this.#columns = [
      'arc_snr',
      'magnification',
      'total_injected_flux_r',
      ...bands.map((band) => `psf_fwhm_used_${band}`),
      'theta_e_arcsec',
      'arc_snr_mf',
      `src_mag_${reference}_used`,
    ];
    for (const name of [...this.#columns, 'bad_pixel_frac', 'wise_brightmask_frac'])
      this.#sketches.set(name, new QuantileSketch());
  }

  read(rows: Rows): void {
    const keys = rows.keys();
    const control = rows.numbers('is_control');
    const ok = rows.numbers('cutout_ok');
    const columns = this.#columns.map((name) => rows.numbers(name));
    const sketches = this.#columns.map((name) => this.#sketches.get(name)!);
    const [bad, wise] = [rows.numbers('bad_pixel_frac'), rows.numbers('wise_brightmask_frac')];
    this.#rows += rows.count;
    for (let row = 0; row < rows.count; row++) {
      if (control[row] !== 1) this.#injections++;
      if (ok[row] !== 1) continue;
      if (Number.isFinite(bad[row])) this.#sketches.get('bad_pixel_frac')!.add(bad[row]);
      if (Number.isFinite(wise[row])) this.#sketches.get('wise_brightmask_frac')!.add(wise[row]);
      if (this.#quality.wants(keys[row])) this.#quality.add(keys[row], [bad[row], wise[row], control[row]]);
      if (control[row] === 1) continue;
      columns.forEach((values, index) => {
        if (Number.isFinite(values[row])) sketches[index].add(values[row]);
      });
      if (this.#sample.wants(keys[row]))
        this.#sample.add(
          keys[row],
          Float64Array.from(columns, (values) => values[row]),
        );
    }
  }

  /** Values of a column in the sample of injections that could be cut out; NaN where null. */
  sampled(name: string): Float64Array {
    const index = this.#columns.indexOf(name);
    return Float64Array.from(this.#sample.entries(), ([, row]) => row[index]);
  }

  /** bad_pixel_frac or wise_brightmask_frac of a class in the sample of all rows. */
  sampledQuality(name: 'bad_pixel_frac' | 'wise_brightmask_frac', isControl: boolean): Float64Array {
    const rows = this.#quality.entries().filter(([, [, , control]]) => (control === 1) === isControl);
    return Float64Array.from(rows, ([, row]) => row[name === 'bad_pixel_frac' ? 0 : 1]);
  }

  compared(): Compared[] {
    const at = (name: string) => {
      const [, column, what] = /^(\w+)(?: \((.+)\))?$/.exec(name) ?? [];
      if (column === 'injections') return percent(this.#injections / Math.max(1, this.#rows));
      const sketch = this.#sketches.get(column);
      if (sketch === undefined || sketch.count === 0) return 'none';
      const { min, max } = sketch.moments;
      return short(what === 'min' ? min : what === 'max' ? max : sketch.quantile(what === '95 %' ? 0.95 : 0.5));
    };
    return Object.entries(THEIRS).map(([name, theirs]) => ({ name, here: at(name), theirs }));
  }
}
