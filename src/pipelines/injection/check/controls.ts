/** Controls: as many as asked for in every split, and with nothing injected. */
import { arcColumns } from '../columns.ts';
import { type Check, count, decide, increment, listCounts, none, percent, type Rule, skip } from './checks.ts';
import { controlShare, type Expected } from './context.ts';
import type { HostIndex } from './hosts.ts';
import type { Examiner, Rows } from './rows.ts';

const FRACTION: Rule = {
  name: 'control-fraction',
  threshold:
    'per split within max(1 %, 4 sqrt(p (1 - p) / hosts)) of the config; a crossed tier, whose share is no chance, more than 1 % off warns',
  why: 'Controls are chosen host by host, so their share scatters as that of a coin thrown once per host; 4 sigma is exceeded by chance in 1 of 16,000 splits.',
};
const NULLS: Rule = {
  name: 'control-nulls',
  threshold: '0 values',
  why: 'Nothing is injected into a control: a number in a column of the arc means that it was, or that a reader of the table would think so.',
};

export class ControlRows implements Examiner {
  readonly #expected: Expected;
  readonly #hosts: HostIndex;
  readonly bySplit = new Map<string, { rows: number; controls: number }>();
  readonly #faults = new Map<string, number>();
  #unmarked = 0;

  /** `hosts` is filled by another reader of the same rows. */
  constructor(expected: Expected, hosts: HostIndex) {
    this.#expected = expected;
    this.#hosts = hosts;
  }

  read(rows: Rows): void {
    const control = rows.numbers('is_control');
    const split = rows.text('region_split');
    const model = rows.text('lens_model');
    const theta = rows.numbers('theta_e_arcsec');
    const nulls = arcColumns(this.#expected.bands).filter((name) => rows.has(name));
    for (let row = 0; row < rows.count; row++) {
      const name = split(row);
      const held = this.bySplit.get(name) ?? { rows: 0, controls: 0 };
      if (held.rows++ === 0) this.bySplit.set(name, held);
      if (control[row] !== 1) {
        if (model(row) === 'CONTROL') this.#unmarked++;
        continue;
      }
      held.controls++;
      if (theta[row] !== 0) increment(this.#faults, 'theta_e_arcsec not 0');
      if (model(row) !== 'CONTROL') increment(this.#faults, 'lens_model not CONTROL');
      for (const column of nulls) if (rows.value(column, row) !== null) increment(this.#faults, `${column} not null`);
    }
  }

  checks(): Check[] {
    if (this.#unmarked > 0) increment(this.#faults, 'lens_model CONTROL with is_control 0', this.#unmarked);
    const controls = [...this.bySplit.values()].reduce((sum, split) => sum + split.controls, 0);
    const faults = [...this.#faults.values()].reduce((sum, held) => sum + held, 0);
    return [
      this.#fraction(controls),
      controls === 0 && faults === 0
        ? skip(NULLS, 'There are no controls.')
        : none(NULLS, faults, listCounts(this.#faults) || `${count(controls)} controls.`),
    ];
  }

  #fraction(controls: number): Check {
    const wanted = controlShare(this.#expected);
    const shares = [...this.bySplit].sort(([a], [b]) => (a < b ? -1 : 1));
    const list = shares.map(([name, held]) => `${name} ${percent(held.controls / held.rows)}`).join(', ');
    if (wanted === undefined)
      return skip(
        FRACTION,
        `The tier of ${this.#expected.experimentId} is not known, so neither is the share that was asked for: ${list}.`,
      );
    const rows = shares.reduce((sum, [, held]) => sum + held.rows, 0);
    const distance = (held: { rows: number; controls: number }) => Math.abs(held.controls / held.rows - wanted);
    const off = shares.filter(([name, held]) => {
      const hosts = Math.max(1, this.#hosts.inSplit(name));
      return distance(held) > Math.max(0.01, 4 * Math.sqrt((wanted * (1 - wanted)) / hosts));
    });
    // A crossed tier takes as many control hosts as make the share right: where there were too few, that is a shortage, not scatter.
    const { tier, config } = this.#expected;
    const isChance = tier === 'train' || !config.unpairedControls;
    const few = isChance ? [] : shares.filter((share) => distance(share[1]) > 0.01 && !off.includes(share));
    const isOneClass = (wanted > 0 && controls === 0) || (wanted < 1 && controls === rows);
    const detail = `Asked for ${percent(wanted)}: ${list}.${off.length > 0 ? ` Off: ${off.map(([name]) => name).join(', ')}.` : ''}${few.length > 0 ? ` More than 1 % off, though hosts are few: ${few.map(([name]) => name).join(', ')}.` : ''}`;
    return decide(
      FRACTION,
      off.length > 0 || isOneClass ? 'no-go' : few.length > 0 ? 'warn' : 'go',
      percent(controls / rows),
      detail,
    );
  }
}
