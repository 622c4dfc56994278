/** Training, validation and test sets: as large as asked for, and of different sky. */
import { SkyZones } from '../manifest/near.ts';
import { type Check, count, decide, increment, listCounts, none, percent, type Rule, short, skip } from './checks.ts';
import type { Expected } from './context.ts';
import type { HostIndex } from './hosts.ts';
import type { Examiner, Rows } from './rows.ts';

const PROPORTIONS: Rule = {
  name: 'split-proportions',
  threshold:
    'hosts and rows within split_tolerance of val_frac and test_frac; more is no-go where 3 sigma of the number of regions do not explain it',
  why: 'Regions differ in size and are whole: asked for 70/15/15 the originals got 26/40/35 and saw it late.',
};
const OVERLAP: Rule = {
  name: 'split-overlap',
  threshold: '0 hosts in two splits',
  why: 'A host that was trained on is known: its score in the test set measures memory.',
};
const DISTANCE: Rule = {
  name: 'split-distance',
  threshold: '0 hosts within 1 arcsec, or within guard_arcsec, of a host of another split (within a stamp: warn)',
  why: 'Within 1 arcsec it is one galaxy from two catalogues; nearer than a stamp two sets share pixels.',
};

const SAME_GALAXY_ARCSEC = 1;
const SPLITS = ['train', 'val', 'test'] as const;

/** What the manifest says of the sample, before a pre-pass of arc_snr chose among its rows. */
export interface SampledHosts {
  readonly bySplit: Readonly<Record<string, number>>;
  /** Splits that had more hosts than the tier takes. */
  readonly capped: readonly string[];
}

/** Fills `hosts` as it reads. */
export class SplitRows implements Examiner {
  readonly #expected: Expected;
  readonly #hosts: HostIndex;
  readonly #sampled: SampledHosts | undefined;
  readonly rowsBySplit = new Map<string, number>();
  readonly #hostsByRegion = new Map<number, number>();
  readonly #sets = new Map<string, number>();
  #stampPixels = 0;

  constructor(expected: Expected, hosts: HostIndex, sampled?: SampledHosts) {
    this.#expected = expected;
    this.#sampled = sampled;
    this.#hosts = hosts;
  }

  read(rows: Rows): void {
    const split = rows.text('region_split');
    const ra = rows.numbers('ra');
    const dec = rows.numbers('dec');
    const region = rows.numbers('region_id');
    const set = rows.text('selection_set_id');
    for (const size of rows.numbers('stamp_size')) if (size > this.#stampPixels) this.#stampPixels = size;
    for (let row = 0; row < rows.count; row++) {
      const name = split(row);
      increment(this.rowsBySplit, name);
      increment(this.#sets, set(row));
      if (this.#hosts.add(ra[row], dec[row], name))
        this.#hostsByRegion.set(region[row], (this.#hostsByRegion.get(region[row]) ?? 0) + 1);
    }
  }

  checks(): Check[] {
    const shared = this.#hosts.sharedHosts;
    const examples = shared > 0 ? `Such as ${this.#hosts.sharedExamples.join(', ')}.` : `${count(this.#hosts.size)} hosts.`;
    return [this.#proportions(), none(OVERLAP, shared, examples), this.#distance()];
  }

  /** Rows, hosts and the wanted share of each split. */
  shares(): { split: string; wanted: number; rows: number; hosts: number }[] {
    const { valFrac, testFrac } = this.#expected.config;
    const wanted = { train: 1 - valFrac - testFrac, val: valFrac, test: testFrac };
    const rows = [...this.rowsBySplit.values()].reduce((sum, held) => sum + held, 0);
    const hosts = Math.max(
      1,
      this.#hosts.splits.reduce((sum, split) => sum + this.#hosts.inSplit(split), 0),
    );
    return SPLITS.map((split) => ({
      split,
      wanted: wanted[split],
      rows: (this.rowsBySplit.get(split) ?? 0) / Math.max(1, rows),
      hosts: this.#hosts.inSplit(split) / hosts,
    }));
  }

  #proportions(): Check {
    const { config, tier } = this.#expected;
    const shares = this.shares();
    const odd = [...this.rowsBySplit.keys()].filter((split) => !(SPLITS as readonly string[]).includes(split));
    const list = shares
      .map(
        ({ split, wanted, hosts, rows }) =>
          `${split} ${percent(hosts)} of the hosts, ${percent(rows)} of the rows (asked ${percent(wanted)})`,
      )
      .join('; ');
    if (odd.length > 0)
      return decide(
        PROPORTIONS,
        'no-go',
        `split '${odd[0]}'`,
        `Splits are train, val and test; rows by split: ${listCounts(this.rowsBySplit)}.`,
      );
    const empty = shares.filter(({ wanted, rows }) => wanted > 0 && rows === 0).map(({ split }) => split);
    const planned = this.#plannedShares();
    const off = Math.max(
      ...shares.map(({ split, wanted, hosts, rows }) =>
        planned === undefined
          ? Math.max(Math.abs(hosts - wanted), Math.abs(rows - wanted))
          : Math.abs((planned[split] ?? 0) - wanted),
      ),
    );
    const value = `off by ${percent(off)}`;
    const regions = this.#effectiveRegions();
    if (empty.length > 0) {
      const likely = Math.min(...shares.filter(({ rows }) => rows === 0).map(({ wanted }) => (1 - wanted) ** regions));
      // A run that was cut short on purpose has the first rows only.
      const isExplained = config.testLimit > 0 || likely > 0.01;
      const why = `The hosts lie in as many regions as ${short(regions)} of one size, which leave a split empty with a chance of ${percent(likely)}`;
      return decide(PROPORTIONS, isExplained ? 'warn' : 'no-go', `${empty.join(', ')} empty`, `${why}: ${list}.`);
    }
    if (tier !== undefined && tier !== 'train')
      return decide(
        PROPORTIONS,
        'go',
        value,
        `The ${tier} tier takes a fixed number of hosts from each split, whatever its share: ${list}.`,
      );
    if (off <= config.splitTolerance) return decide(PROPORTIONS, 'go', value, `${list}.`);
    const full = (split: string) => this.#hosts.inSplit(split) >= 0.99 * config.nTotalTrainPerSplit * this.#sets.size;
    const capped = shares.filter(({ split }) => this.#sampled?.capped.includes(split) ?? full(split));
    if (capped.length > 0)
      return decide(
        PROPORTIONS,
        'warn',
        value,
        `n_total_train_per_split ends ${capped.map(({ split }) => split).join(', ')}: ${list}.`,
      );
    const chance = Math.max(...shares.map(({ wanted }) => Math.sqrt((wanted * (1 - wanted)) / regions)));
    const isChance = off <= 3 * chance;
    const why = isChance
      ? `which so few regions explain (sigma ${percent(chance)})`
      : `which chance does not explain (sigma ${percent(chance)})`;
    return decide(
      PROPORTIONS,
      isChance ? 'warn' : 'no-go',
      value,
      `The hosts lie in as many regions as ${short(regions)} of one size, ${why}: ${list}.`,
    );
  }

  /**
   * Shares of the hosts as they were sampled, where target_arc_snr chose among their rows: a host whose candidates all lose is in no row, and
   * how many do is a matter of brightness, not of regions.
   */
  #plannedShares(): Readonly<Record<string, number>> | undefined {
    if (this.#sampled === undefined || this.#expected.config.targetArcSnr === 'off') return undefined;
    const entries = Object.entries(this.#sampled.bySplit);
    const total = Math.max(
      1,
      entries.reduce((sum, [, held]) => sum + held, 0),
    );
    return Object.fromEntries(entries.map(([split, held]) => [split, held / total]));
  }

  /** Regions of one size that would scatter as much: (sum n)^2 / sum n^2. */
  #effectiveRegions(): number {
    let [sum, squares] = [0, 0];
    for (const held of this.#hostsByRegion.values()) {
      sum += held;
      squares += held * held;
    }
    return squares > 0 ? (sum * sum) / squares : 1;
  }

  #distance(): Check {
    if (this.#hosts.splits.length < 2) return skip(DISTANCE, 'There is one split.');
    const { ra, dec, split } = this.#hosts.list();
    const { guardArcsec, pixscaleArcsec } = this.#expected.config;
    const near = (arcsec: number) => {
      const zones = new SkyZones(ra, dec, arcsec / 3600, split);
      let held = 0;
      for (let host = 0; host < ra.length; host++) if (zones.hasNear(ra[host], dec[host], split[host])) held++;
      return held;
    };
    const forbidden = Math.max(SAME_GALAXY_ARCSEC, guardArcsec);
    const wrong = near(forbidden);
    const stamp = this.#stampPixels * pixscaleArcsec;
    const within = stamp > forbidden ? near(stamp) : wrong;
    const detail = `Within ${short(forbidden)} arcsec of another split: ${count(wrong)} hosts; within a stamp (${short(stamp)} arcsec): ${count(within)} (${percent(within / Math.max(1, ra.length))}). guard_arcsec is ${guardArcsec}.`;
    return decide(DISTANCE, wrong > 0 ? 'no-go' : within > 0 ? 'warn' : 'go', wrong, detail);
  }
}
