/** float64 twin of filter-matched: the row correlations that detection filters with. */
import { Recent } from '../../src/core/recent.ts';
import type { CpuTwin } from '../../src/engine/kernel.ts';
import { RowCorrelation } from '../../src/sky/detection/filter-rows.ts';
import { type FilterMatchedOptions, windowShape } from './spec.ts';

/** Of the last few kernels: what a tile is filtered with. */
const filters = new Recent<{ values: RowCorrelation; signal: RowCorrelation; power: RowCorrelation; scratch: Float64Array[] }>();

export const cpu: CpuTwin<FilterMatchedOptions> = (options, inputs, outputs, count) => {
  const { width, height, kernelWidth, kernelHeight, matched } = options;
  const kernel = inputs['kernel'] as Float64Array;
  const data = inputs['data'] as Float32Array;
  const weights = inputs['weights'] as Float32Array;
  const [rows, columns] = windowShape(options);
  const reach = kernelHeight >> 1;
  const { values, signal, power, scratch } = filters.get({ width, kernelWidth, kernelHeight, kernel: [...kernel] }, () => {
    const of = (taps: Float64Array) => new RowCorrelation(taps, kernelWidth, kernelHeight, width);
    return {
      values: of(kernel),
      signal: of(kernel),
      power: of(kernel.map((tap) => tap * tap)),
      scratch: [0, 1, 2].map(() => new Float64Array(width + kernelWidth)),
    };
  });
  const [value, weighted, inverse] = scratch;
  for (let item = 0; item < count; item++) {
    for (let row = 0; row < rows; row++) {
      const from = (item * rows + row) * columns;
      value.set(data.subarray(from, from + columns));
      values.feed(row, value);
      if (matched) {
        inverse.set(weights.subarray(from, from + columns));
        for (let x = 0; x < columns; x++) weighted[x] = inverse[x] * value[x];
        signal.feed(row, weighted);
        power.feed(row, inverse);
      }
      const y = row - kernelHeight + 1;
      if (y < 0) continue;
      // The kernel's middle lies on this row of the window; all of its rows are there.
      const to = (item * height + y) * width;
      values.take(y + reach, rows);
      outputs['filtered'].set(values.out, to);
      if (!matched) continue;
      signal.take(y + reach, rows);
      power.take(y + reach, rows);
      for (let x = 0; x < width; x++)
        outputs['significance'][to + x] = power.out[x] > 0 ? signal.out[x] / Math.sqrt(power.out[x]) : 0;
    }
    if (!matched) outputs['significance'][item] = 0;
  }
};
