/** float64 twin of coadd-white: cuts its arrays into runs; means.ts and robust.ts combine. */
import type { CpuTwin, HostArray } from '../../src/engine/kernel.ts';
import { meanByBand, meanByPixel, type Run } from './means.ts';
import { type Combined, clippedMean, SortedBands, weightedMedian } from './robust.ts';
import { type CoaddWhiteOptions, MIN_WEIGHT, maskWords } from './spec.ts';

export const cpu: CpuTwin<CoaddWhiteOptions> = (options, inputs, outputs, count) => {
  const { bands, pixels, combine, weighting } = options;
  const words = maskWords(bands);
  const item = (array: HostArray, index: number, elements: number) => array.subarray(index * elements, (index + 1) * elements);
  for (let index = 0; index < count; index++) {
    const run: Run = {
      image: item(inputs.image as Float32Array, index, bands * pixels) as Float32Array,
      weights: item(inputs.weights as Float32Array, index, weighting === 'band' ? bands : bands * pixels) as Float32Array,
      mask: item(inputs.mask as Uint32Array, index, words * pixels) as Uint32Array,
      white: item(outputs.white, index, pixels) as Float64Array,
      invvar: item(outputs.invvar, index, pixels) as Float64Array,
      count: item(outputs.count, index, pixels) as Uint32Array,
    };
    if (combine !== 'mean') combineSorted(options, run);
    else if (weighting === 'band') meanByBand(options, run);
    else meanByPixel(options, run);
  }
};

function combineSorted(options: CoaddWhiteOptions, { image, weights, mask, white, invvar, count }: Run): void {
  const { bands, pixels, combine, weighting } = options;
  const sorted = new SortedBands(bands);
  const combined: Combined = { value: 0, inverseVariance: 0, count: 0 };
  for (let pixel = 0; pixel < pixels; pixel++) {
    sorted.n = 0;
    for (let band = 0; band < bands; band++) {
      const weight = weights[weighting === 'band' ? band : band * pixels + pixel];
      if (weight < MIN_WEIGHT || ((mask[(band >> 5) * pixels + pixel] >>> (band & 31)) & 1) !== 0) continue;
      sorted.insert(image[band * pixels + pixel], weight);
    }
    if (sorted.n === 0) combined.value = combined.inverseVariance = combined.count = 0;
    else if (combine === 'median') weightedMedian(sorted, combined);
    else clippedMean(sorted, options, combined);
    white[pixel] = combined.value;
    invvar[pixel] = combined.inverseVariance;
    count[pixel] = combined.count;
  }
}
