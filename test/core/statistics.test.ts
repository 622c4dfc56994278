import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { crossValidate, fitLogistic, logisticScores } from '../../src/core/logistic.ts';
import { areaError, areaUnderRoc, kolmogorovSmirnov, kolmogorovTail, rocCurve } from '../../src/core/rank-tests.ts';
import { PhiloxStream, philoxKey } from '../../src/core/rng.ts';
import { Moments, QuantileSketch, quantiles, SmallestKeys } from '../../src/core/statistics.ts';

/** Numbers of scipy and scikit-learn, by the script beside them. */
const peer = JSON.parse(readFileSync(new URL('fixtures/statistics.json', import.meta.url), 'utf8'));

const normals = (count: number, seed: number) => {
  const stream = new PhiloxStream(philoxKey(seed));
  return Float64Array.from({ length: count }, () => stream.normal());
};

describe('ranks', () => {
  it('area under the ROC curve with ties is that of scikit-learn', () => {
    const { scores, labels, area } = peer.auc;
    expect(areaUnderRoc(scores, labels)).toBeCloseTo(area, 14);
    expect(areaUnderRoc([1, 1, 1, 1], [0, 1, 0, 1])).toBe(0.5);
    expect(areaUnderRoc([1, 2, 3], [1, 1, 1])).toBeNaN();
  });

  it('the trapezoids under the ROC curve are the area', () => {
    const { scores, labels, area } = peer.auc;
    const { falsePositiveRate: x, truePositiveRate: y } = rocCurve(scores, labels);
    let sum = 0;
    for (let k = 1; k < x.length; k++) sum += ((x[k] - x[k - 1]) * (y[k] + y[k - 1])) / 2;
    expect(sum).toBeCloseTo(area, 14);
    expect([x[0], y[0], x.at(-1), y.at(-1)]).toEqual([0, 0, 1, 1]);
  });

  it('the error of an area is the scatter of areas of one distribution', () => {
    const found = new Moments();
    for (let seed = 0; seed < 300; seed++) {
      const scores = normals(160, seed).map((value, row) => value + (row < 60 ? 0.8 : 0));
      found.add(
        areaUnderRoc(
          scores,
          Float64Array.from(scores, (_, row) => (row < 60 ? 1 : 0)),
        ),
      );
    }
    // The scatter of 300 areas is known to 4 %, and the formula is for exponential scores.
    expect(Math.abs(Math.sqrt(found.variance) / areaError(found.mean, 60, 100) - 1)).toBeLessThan(0.12);
  });

  it('Kolmogorov-Smirnov: distance of scipy, p-value near its exact one, tail to 1e-14', () => {
    const { a, b, distance, exact } = peer.ks;
    const found = kolmogorovSmirnov(a, b);
    expect(found.distance).toBeCloseTo(distance, 14);
    expect(Math.abs(found.pValue / exact - 1)).toBeLessThan(0.1);
    peer.kolmogorov.x.forEach((x: number, k: number) => {
      expect(kolmogorovTail(x)).toBeCloseTo(peer.kolmogorov.tail[k], 14);
    });
    expect(kolmogorovSmirnov([1, 1, 2], [1, 1, 2])).toEqual({ distance: 0, pValue: 1 });
    expect(kolmogorovSmirnov([], [1]).pValue).toBeNaN();
  });
});

describe('logistic regression', () => {
  const { features, labels, fits } = peer.logistic;
  const data = { features: Float64Array.from(features), width: 4, labels };

  it('weights and margins are those of scikit-learn for three ridges', () => {
    for (const { ridge, weights, margins } of fits) {
      const model = fitLogistic(data, { ridge });
      weights.forEach((weight: number, k: number) => {
        expect(Math.abs(model.weights[k] / weight - 1)).toBeLessThan(1e-5);
      });
      const found = logisticScores(
        model,
        data.features,
        Uint32Array.from({ length: 10 }, (_, row) => row),
      );
      margins.forEach((margin: number, row: number) => {
        expect(Math.abs(found[row] - margin)).toBeLessThan(1e-5);
      });
    }
  });

  it('stays finite for separable classes and features that never change', () => {
    const model = fitLogistic(
      { features: Float64Array.from([0, 7, 1, 7, 2, 7, 3, 7]), width: 2, labels: [0, 0, 1, 1] },
      { ridge: 1e-3 },
    );
    expect(model.weights[0]).toBeGreaterThan(1);
    expect(model.weights[1]).toBe(0);
    expect(Number.isFinite(model.intercept)).toBe(true);
  });

  it('cross-validation finds a shift, and none where labels are drawn', () => {
    const count = 1000;
    const values = normals(3 * count, 5);
    const row = (index: number) => Math.floor(index / 3);
    const isOne = Float64Array.from({ length: count }, (_, index) => index % 2);
    const shifted = values.map((value, index) => value + (index % 3 === 1 ? 1.2 * isOne[row(index)] : 0));
    const groups = Uint32Array.from(isOne, (_, index) => Math.floor(index / 2) % 5);
    const found = crossValidate({ features: shifted, width: 3, labels: isOne }, groups, 5);
    // Phi(1.2 / sqrt 2) = 0.802.
    expect(Math.abs(found.area - 0.802)).toBeLessThan(4 * found.error);
    expect(found.areas).toHaveLength(5);
    expect(found.scores.every(Number.isFinite)).toBe(true);
    const nothing = crossValidate({ features: values, width: 3, labels: isOne }, groups, 5);
    expect(Math.abs(nothing.area - 0.5)).toBeLessThan(4 * nothing.error);
  });

  it('rows of one group are not learnt by heart', () => {
    // 40 hosts, each with its own label and its own mark; nothing tells classes apart but the host.
    const width = 40;
    const rows = 400;
    const features = new Float32Array(rows * width);
    const labels = Float64Array.from({ length: rows }, (_, index) => Math.floor((index % 40) / 20));
    for (let index = 0; index < rows; index++) features[index * width + (index % 40)] = 1;
    const byRow = crossValidate(
      { features, width, labels },
      Uint32Array.from(labels, (_, index) => Math.floor(index / 40) % 5),
      5,
    );
    const byHost = crossValidate(
      { features, width, labels },
      Uint32Array.from(labels, (_, index) => index % 5),
      5,
    );
    expect(byRow.area).toBeGreaterThan(0.99);
    expect(byHost.area).toBeLessThan(0.6);
  });
});

describe('streams of numbers', () => {
  it('moments and quantiles are those of numpy', () => {
    const { values, parts, expected, mean, variance } = peer.quantiles;
    const moments = new Moments();
    for (const value of values) moments.add(value);
    expect(moments.mean).toBeCloseTo(mean, 12);
    expect(Math.abs(moments.variance / variance - 1)).toBeLessThan(1e-13);
    quantiles([...values, Number.NaN], parts).forEach((value, k) => {
      expect(value).toBeCloseTo(expected[k], 12);
    });
    expect(quantiles([], [0.5])[0]).toBeNaN();
  });

  it('a sketch gives quantiles to its relative error, on both sides of zero', () => {
    const values = normals(20_000, 3).map((value, index) => (index % 50 === 0 ? 0 : Math.sign(value) * Math.exp(3 * value)));
    const sketch = new QuantileSketch(0.01);
    for (const value of values) sketch.add(value);
    const sorted = values.slice().sort();
    for (const part of [0, 0.001, 0.1, 0.3, 0.5, 0.501, 0.7, 0.999, 1]) {
      const exact = sorted[Math.floor(part * (sorted.length - 1))];
      expect(Math.abs(sketch.quantile(part) - exact)).toBeLessThanOrEqual(0.0101 * Math.abs(exact));
    }
    expect(new QuantileSketch().quantile(0.5)).toBeNaN();
  });

  it('the smallest keys do not depend on the order', () => {
    const keys = Float64Array.from({ length: 5000 }, (_, k) => (k * 7919) % 5003);
    const forwards = new SmallestKeys<number>(100);
    const backwards = new SmallestKeys<number>(100);
    for (const key of keys) forwards.add(key, 2 * key);
    for (const key of keys.toReversed()) backwards.add(key, 2 * key);
    const expected = keys.slice().sort().slice(0, 100);
    expect(forwards.entries()).toEqual(Array.from(expected, (key) => [key, 2 * key]));
    expect(backwards.entries()).toEqual(forwards.entries());
  });
});
