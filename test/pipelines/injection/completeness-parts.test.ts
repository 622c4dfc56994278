/** The pieces of completeness, each by itself. */
import { describe, expect, it } from 'vitest';
import { isArcletError } from '../../../src/core/errors.ts';
import { TaskChecksum } from '../../../src/pipelines/injection/compact/task-hash.ts';
import {
  AxisScan,
  binAxis,
  MISSING,
  RESOLUTION_AXIS,
  RESOLUTION_LABELS,
} from '../../../src/pipelines/injection/completeness/axes.ts';
import { collapse, Groups, membersOf } from '../../../src/pipelines/injection/completeness/groups.ts';
import { GroupMedians, MEDIAN_RELATIVE_ERROR } from '../../../src/pipelines/injection/completeness/medians.ts';
import { judge } from '../../../src/pipelines/injection/completeness/rules.ts';
import { ScoreTable, thresholdAt } from '../../../src/pipelines/injection/completeness/scores.ts';

const RULE = { snrThreshold: 5, thetaOverPsf: 0.8, badPixelMax: 0.2, wiseMax: 0.2 };
const GOOD = { cutoutOk: 1, arcSnr: 5, thetaOverPsf: 0.8, badPixelFrac: 0.2, wiseFrac: 0.2, score: Number.NaN };
const ALL = {
  validAll: 1,
  validClean: 1,
  recoveredAll: 1,
  recoveredClean: 1,
  snrOnly: 1,
  resOnly: 1,
  scoreMissing: 0,
};

describe('the rule', () => {
  it('takes its thresholds in', () => expect(judge(GOOD, RULE)).toEqual(ALL));

  it('fails what is missing, with 0 and never null', () => {
    const nothing = { ...ALL, validAll: 0, validClean: 0, recoveredAll: 0, recoveredClean: 0, snrOnly: 0, resOnly: 0 };
    for (const key of ['cutoutOk', 'arcSnr', 'thetaOverPsf'] as const) {
      expect([key, judge({ ...GOOD, [key]: Number.NaN }, RULE)]).toEqual([key, nothing]);
    }
    for (const key of ['badPixelFrac', 'wiseFrac'] as const) {
      for (const value of [Number.NaN, 0.2000001]) {
        expect(judge({ ...GOOD, [key]: value }, RULE)).toEqual({ ...ALL, validClean: 0, recoveredClean: 0 });
      }
    }
    expect(judge({ ...GOOD, cutoutOk: 0 }, RULE)).toEqual(nothing);
    expect(judge({ ...GOOD, arcSnr: Number.POSITIVE_INFINITY }, RULE)).toEqual(nothing);
  });

  it('tells brightness from size', () => {
    expect(judge({ ...GOOD, arcSnr: 4.99 }, RULE)).toEqual({ ...ALL, recoveredAll: 0, recoveredClean: 0, snrOnly: 0 });
    expect(judge({ ...GOOD, thetaOverPsf: 0.79 }, RULE)).toEqual({ ...ALL, recoveredAll: 0, recoveredClean: 0, resOnly: 0 });
  });

  it('lets a detector decide, and counts what it did not score', () => {
    const rule = { ...RULE, scoreThreshold: 0.5 };
    const faint = { ...GOOD, arcSnr: 1 };
    expect(judge({ ...faint, score: 0.5 }, rule)).toEqual({ ...ALL, snrOnly: 0 });
    expect(judge({ ...faint, score: 0.49 }, rule)).toEqual({ ...ALL, snrOnly: 0, recoveredAll: 0, recoveredClean: 0 });
    expect(judge(GOOD, rule)).toEqual({ ...ALL, recoveredAll: 0, recoveredClean: 0, scoreMissing: 1 });
  });
});

describe('axes', () => {
  it('are the values of a grid when they are few, with cells that end half-way', () => {
    const scan = new AxisScan();
    for (const value of [1, 0.3, 0.6, 0.1 + 0.2, Number.NaN]) scan.add(value);
    const axis = scan.axis({ label: 'x' }, 0.2);
    expect([axis.kind, axis.values, axis.codeOf(0.3), axis.codeOf(0.1 + 0.2), axis.codeOf(1)]).toEqual([
      'values',
      [0.3, 0.6, 1],
      0,
      0,
      2,
    ]);
    expect(
      [axis.rangeOf(0), axis.rangeOf(1), axis.rangeOf(2)].map(({ low, high }) => [low, high].map((edge) => +edge.toFixed(9))),
    ).toEqual([
      [0.15, 0.45],
      [0.45, 0.8],
      [0.8, 1.2],
    ]);
    expect([axis.codeOf(0.7), axis.codeOf(Number.NaN)]).toEqual([MISSING, MISSING]);
  });

  it('are bins when the values are many', () => {
    const scan = new AxisScan();
    for (let k = 0; k < 41; k++) scan.add(k / 7);
    expect(scan.axis({ label: 'x' }, 0.2).kind).toBe('bins');
    const bins = binAxis({ label: 'x' }, 0.1);
    // 0.3 / 0.1 is 2.9999999999999996.
    expect([bins.codeOf(0.3), bins.codeOf(0.29), bins.codeOf(-0.05), bins.codeOf(1e300)]).toEqual([3, 2, -1, 2 ** 26 - 1]);
    expect(bins.rangeOf(3).middle).toBeCloseTo(0.35, 14);
  });

  it('of resolution are the bins of the originals', () => {
    const found = [0.39, 0.4, 0.59, 0.6, 0.8, 0.99, 1, 7].map((value) => RESOLUTION_LABELS[RESOLUTION_AXIS.codeOf(value)]);
    expect(found).toEqual(['<0.4', '0.4-0.6', '0.4-0.6', '0.6-0.8', '0.8-1.0', '0.8-1.0', '>=1.0', '>=1.0']);
    expect(RESOLUTION_AXIS.codeOf(Number.NaN)).toBe(MISSING);
  });
});

describe('groups', () => {
  it('count by codes, negative and missing ones too, and collapse', () => {
    const groups = new Groups(3);
    const rows = [[0, -5, 7], [0, -5, MISSING], [1, -5, 7], [0, -5, 7]]; // biome-ignore format: rows
    for (const codes of rows) groups.addCount(groups.idOf(codes), 'attempt', 1);
    expect([groups.size, groups.count(0, 'attempt'), groups.code(1, 2)]).toEqual([3, 2, MISSING]);
    const { groups: less, into } = collapse(groups, [{ dimension: 2 }]);
    expect([less.size, [...into], less.count(0, 'attempt'), less.count(1, 'attempt')]).toEqual([2, [0, 1, 0], 3, 1]);
    const { starts, members } = membersOf(into, 2);
    expect([[...starts], [...members]]).toEqual([
      [0, 2, 3],
      [0, 2, 1],
    ]);
    expect(collapse(groups, []).groups.count(0, 'attempt')).toBe(4);
  });

  it('grow over many', () => {
    const groups = new Groups(2);
    for (let k = 0; k < 20_000; k++) groups.addSum(groups.idOf([k % 100, (k * 7) % 50]), 'snrSum', k);
    // 7 k mod 50 is fixed by k mod 50, which k mod 100 fixes.
    expect(groups.size).toBe(100);
    let sum = 0;
    for (let id = 0; id < groups.size; id++) sum += groups.sum(id, 'snrSum');
    expect(sum).toBe((20_000 * 19_999) / 2);
  });
});

describe('medians', () => {
  it('are within their stated error, of odd and even numbers, alone and put together', () => {
    const medians = new GroupMedians();
    const values = [[3, 1, 200], [4, 8], [], [0, -1, 0], [1e-3, 1e5, 12.5, 13]]; // biome-ignore format: groups
    values.forEach((group, id) => {
      for (const value of group) medians.add(id, value);
    });
    const found = [...medians.medians(5)];
    const wanted = [3, 6, Number.NaN, 0, 12.75];
    found.forEach((value, id) => {
      if (Number.isNaN(wanted[id])) expect(value).toBeNaN();
      else expect(Math.abs(value - wanted[id])).toBeLessThanOrEqual(MEDIAN_RELATIVE_ERROR * wanted[id] * (1 + 1e-9));
    });
    const together = medians.medians(2, Int32Array.of(0, 0, 1, 1, 0));
    // 0.001 1 3 4 8 12.5 13 200 1e5
    expect(Math.abs(together[0] - 8)).toBeLessThan(8.01 * MEDIAN_RELATIVE_ERROR);
    expect(together[1]).toBe(0);
  });

  it('do not depend on the order in which values come, nor on how many wait', () => {
    const [up, down] = [new GroupMedians(), new GroupMedians()];
    const count = 2 ** 20 + 5;
    for (let k = 0; k < count; k++) {
      up.add(k % 3, 1 + (k % 1009));
      down.add((count - 1 - k) % 3, 1 + ((count - 1 - k) % 1009));
    }
    expect([...up.medians(3)]).toEqual([...down.medians(3)]);
    expect(Math.abs(up.medians(3)[1] - 505)).toBeLessThan(2);
  });
});

describe('scores', () => {
  it('are found by task after the table has grown', () => {
    const table = new ScoreTable();
    for (let k = 0; k < 5000; k++) table.set(`task ${k}`, k / 5000);
    expect([table.size, table.get('task 0'), table.get('task 4999'), table.get('task 5000')]).toEqual([
      5000,
      0,
      4999 / 5000,
      Number.NaN,
    ]);
    table.set('task 7', 7 / 5000);
    expect(table.size).toBe(5000);
    expect(() => table.set('task 7', 0.5)).toThrowError('Task task 7 has two scores, 0.0014 and 0.5.');
  });

  it('set a threshold at the k-th highest of the controls', () => {
    const scores = Float64Array.from({ length: 100 }, (_, k) => k / 100);
    // 0.07 x 100 is 7.000000000000001.
    expect(thresholdAt(scores, 0.07)).toEqual({
      threshold: 0.93,
      negatives: 100,
      rank: 7,
      achieved: 0.07,
      expected: expect.closeTo(7, 10),
    });
    expect(thresholdAt(scores, 0.071).rank).toBe(8);
    expect(thresholdAt(scores, 0)).toEqual({ threshold: 0.99, negatives: 100, rank: 1, achieved: 0.01, expected: 0 });
    expect(thresholdAt(scores, 1)).toEqual({ threshold: 0, negatives: 100, rank: 100, achieved: 1, expected: 100 });
  });

  it('let ties with the threshold pass, and say what rate that is', () => {
    expect(thresholdAt(Float64Array.of(0.9, 0.5, 0.5, 0.5, 0.1), 0.4)).toEqual({
      threshold: 0.5,
      negatives: 5,
      rank: 2,
      achieved: 0.8,
      expected: 2,
    });
  });

  it('need controls', () => {
    let thrown: unknown;
    try {
      thresholdAt(new Float64Array(0), 0.01);
    } catch (error) {
      thrown = error;
    }
    expect(isArcletError(thrown, 'INPUT_INVALID')).toBe(true);
  });
});

describe('checksum of tasks', () => {
  const of = (...ids: string[]) => {
    const sum = new TaskChecksum();
    for (const id of ids) sum.add(id);
    return sum;
  };

  it('does not know the order, but a loss, a double and an exchange', () => {
    const whole = of('a', 'b', 'c');
    expect(of('c', 'a', 'b').digest).toBe(whole.digest);
    for (const other of [of('a', 'b'), of('a', 'b', 'c', 'c'), of('a', 'b', 'd'), of('a', 'a', 'c'), of('b', 'a', 'cc')])
      expect(other.digest).not.toBe(whole.digest);
    const merged = of('a');
    const rest = of('b', 'c');
    merged.merge(rest.rows, rest.digest);
    expect([merged.rows, merged.digest]).toEqual([3, whole.digest]);
  });

  it('tells 2e5 tasks apart', () => {
    const seen = new Set<string>();
    for (let k = 0; k < 200_000; k++) seen.add(of(`${k.toString(16).padStart(64, '0')}`).digest);
    expect(seen.size).toBe(200_000);
  });
});
