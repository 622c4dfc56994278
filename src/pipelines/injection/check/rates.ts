/** How many rows could be made, why the others could not, and whether every row says who it is. */
import { QuantileSketch } from '../../../core/statistics.ts';
import { type Check, count, decide, increment, listCounts, none, percent, type Rule, short, skip } from './checks.ts';
import type { Examiner, Rows } from './rows.ts';

const IDENTIFIERS = ['task_id', 'experiment_id', 'brickname', 'ra', 'dec', 'region_split', 'is_control', 'cutout_ok'] as const;
/** Reasons that are counted by name; a campaign that has more of them has one cause for all. */
const MOST_REASONS = 200;

const IDENTIFIED: Rule = {
  name: 'identifiers',
  threshold: '0 rows without a value or outside ra [0, 360], dec [-90, 90]',
  why: 'A row that does not say which task, brick and place it is of cannot be used or traced.',
};
const SUCCESS: Rule = {
  name: 'success-rate',
  threshold: 'cutout_ok >= 95 %',
  why: 'Edges and holes of the coverage cost a few per cent; below 95 % something general is wrong (a wrong prefix of the cache once cost 100 %).',
};
const EXPLAINED: Rule = {
  name: 'failures-explained',
  threshold: '0 rows with cutout_ok 0 and no reason',
  why: 'A row that failed is kept to say why.',
};
const MASKS: Rule = {
  name: 'quality-columns',
  threshold: '0 rows with cutout_ok 1 and bad_pixel_frac or wise_brightmask_frac null or outside [0, 1]',
  why: 'Quality of the pixels is measured on every row, controls too: a null would fail every quality cut, and more often in one class.',
};
const METRICS_OK: Rule = {
  name: 'metrics-ok',
  threshold: '0 rows whose metrics_ok is not what its parts say',
  why: 'Selections are made by this column: it is 1 for a valid mask, cutout_ok, and a control or an arc_snr.',
};
const PHYSICS: Rule = {
  name: 'physics-valid',
  threshold: '0 injections with physics_valid 0',
  why: 'A magnification that is not finite and positive has no lens behind it: it is an error of the arithmetic.',
};

export class RowRates implements Examiner {
  rows = 0;
  ok = 0;
  controls = 0;
  #unidentified = new Map<string, number>();
  #reasons = new Map<string, number>();
  #examples = new Map<string, string>();
  #unexplained = 0;
  #maskFaults = new Map<string, number>();
  #metricsFaults = 0;
  #physicsFaults = 0;
  #physicsRead = 0;
  readonly badPixels = new QuantileSketch();
  readonly wise = new QuantileSketch();

  read(rows: Rows): void {
    this.#readIdentifiers(rows);
    const ok = rows.numbers('cutout_ok');
    const control = rows.numbers('is_control');
    const bad = rows.numbers('bad_pixel_frac');
    const wise = rows.numbers('wise_brightmask_frac');
    const metricsOk = rows.numbers('metrics_ok');
    const snr = rows.numbers('arc_snr');
    const valid = rows.numbers('physics_valid');
    const hasPhysics = rows.has('physics_valid');
    this.rows += rows.count;
    for (let row = 0; row < rows.count; row++) {
      if (control[row] === 1) this.controls++;
      const good = (Number.isFinite(bad[row]) && control[row] === 1) || (Number.isFinite(bad[row]) && Number.isFinite(snr[row]));
      if (metricsOk[row] !== (ok[row] === 1 && good ? 1 : 0)) this.#metricsFaults++;
      if (ok[row] !== 1) {
        this.#readFailure(rows, row);
        continue;
      }
      this.ok++;
      this.#readMask('bad_pixel_frac', bad[row], this.badPixels);
      this.#readMask('wise_brightmask_frac', wise[row], this.wise);
      if (control[row] === 1 || !hasPhysics) continue;
      this.#physicsRead++;
      if (valid[row] !== 1) this.#physicsFaults++;
    }
  }

  #readIdentifiers(rows: Rows): void {
    for (const name of IDENTIFIERS) {
      if (!rows.has(name) && rows.partitions[name] !== undefined) continue;
      let missing = rows.nulls(name);
      if (name === 'ra' || name === 'dec') {
        const [low, high] = name === 'ra' ? [0, 360] : [-90, 90];
        missing = rows.numbers(name).reduce((held, value) => held + (value >= low && value <= high ? 0 : 1), 0);
      }
      if (missing > 0) increment(this.#unidentified, name, missing);
    }
  }

  #readFailure(rows: Rows, row: number): void {
    const text = String(rows.value('failure', row) ?? rows.value('physics_warnings', row) ?? '');
    if (text === '') {
      this.#unexplained++;
      return;
    }
    const code = /^([A-Z_]+):/.exec(text)?.[1] ?? text.slice(0, 60);
    const isNew = !this.#reasons.has(code);
    const name = isNew && this.#reasons.size >= MOST_REASONS ? 'other reasons' : code;
    increment(this.#reasons, name);
    if (isNew && !this.#examples.has(name)) this.#examples.set(name, text);
  }

  #readMask(name: string, value: number, sketch: QuantileSketch): void {
    if (value >= 0 && value <= 1) sketch.add(value);
    else increment(this.#maskFaults, name);
  }

  /** Failed rows by reason, with an example of each. */
  failures(): { reason: string; rows: number; example: string }[] {
    const list = [...this.#reasons].map(([reason, rows]) => ({ reason, rows, example: this.#examples.get(reason) ?? '' }));
    return list.sort((a, b) => b.rows - a.rows || (a.reason < b.reason ? -1 : 1));
  }

  checks(): Check[] {
    const sum = (counts: Map<string, number>) => [...counts.values()].reduce((total, held) => total + held, 0);
    const rate = this.ok / this.rows;
    const failed = this.rows - this.ok;
    const example = this.failures()[0]?.example ?? '';
    const quality = `Median and 95th percentile: bad_pixel_frac ${short(this.badPixels.quantile(0.5))}, ${short(this.badPixels.quantile(0.95))}; wise_brightmask_frac ${short(this.wise.quantile(0.5))}, ${short(this.wise.quantile(0.95))}.`;
    return [
      none(IDENTIFIED, sum(this.#unidentified), listCounts(this.#unidentified)),
      decide(
        SUCCESS,
        rate >= 0.95 ? 'go' : 'no-go',
        percent(rate),
        failed === 0
          ? `${count(this.rows)} rows.`
          : `${count(failed)} rows failed: ${listCounts(this.#reasons)}. For example: ${example}`,
      ),
      none(EXPLAINED, this.#unexplained),
      none(MASKS, sum(this.#maskFaults), [listCounts(this.#maskFaults), quality].filter((text) => text !== '').join('. ')),
      none(METRICS_OK, this.#metricsFaults),
      this.#physicsRead === 0
        ? skip(PHYSICS, 'There are no injections.')
        : none(PHYSICS, this.#physicsFaults, `Of ${count(this.#physicsRead)} injections.`),
    ];
  }
}
