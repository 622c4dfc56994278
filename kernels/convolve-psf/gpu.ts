/** Passes of convolve-psf. */
import { ArcletError } from '../../src/core/errors.ts';
import { twiddleTable } from '../../src/core/fft.ts';
import type { DeviceArray, GpuWrapper, PassDescription, PassRecorder } from '../../src/engine/kernel.ts';
import { PIVOT_MARGIN } from './direct.ts';
import { type ConvolvePsfOptions, psfStampSide, spectralShape } from './options.ts';
import { cellGainTable, phaseTable } from './spectral-tables.ts';

type Arrays = Record<string, DeviceArray>;

const LANES = 64;
const FLOAT_BYTES = 4;
const COMPLEX_BYTES = 8;

/** Lines of a transform that share a workgroup: as many as give every lane a radix-4 butterfly. */
function linesPerGroup({ length }: ConvolvePsfOptions): number {
  return Math.max(1, Math.floor((4 * LANES) / length));
}

/** Throws GPU_LIMIT when a line has no room in workgroup memory: two halves for the stages, one for sums over phases (lib/fft.wgsl). */
function checkWorkgroupMemory({ length }: ConvolvePsfOptions, lines: number, limits: GPUSupportedLimits): void {
  const needed = 3 * COMPLEX_BYTES * lines * length;
  const granted = limits.maxComputeWorkgroupStorageSize;
  if (needed <= granted) return;
  throw new ArcletError(
    'GPU_LIMIT',
    `a transform of length ${length} needs ${needed} bytes of workgroup memory, the device has ${granted}`,
    {
      remedy: 'Use smaller stamps or PSFs, the direct method, or the cpu backend.',
      data: { length, needed, granted },
    },
  );
}

/** Scratch of one item, bytes by name. */
function scratchBytes(options: ConvolvePsfOptions): Record<string, number> {
  const { method, size, grid, oversample: k, components, bands, length: M, rank } = options;
  const stamp = psfStampSide(options);
  if (method === 'fft') {
    return {
      cellRows: COMPLEX_BYTES * components * k * (M / 2) * grid,
      spectra: COMPLEX_BYTES * components * (M / 2) * M,
      psfRows: COMPLEX_BYTES * bands * (M / 2) * stamp,
      imageRows: COMPLEX_BYTES * bands * size * (M / 2),
    };
  }
  const summed = { mixed: FLOAT_BYTES * bands * (k * grid) ** 2, sharpened: FLOAT_BYTES * bands * stamp ** 2 };
  if (method === 'direct') return summed;
  return {
    ...summed,
    columns: FLOAT_BYTES * bands * rank * stamp,
    rows: FLOAT_BYTES * bands * rank * stamp,
    partials: FLOAT_BYTES * bands * rank * k * grid * size,
  };
}

function overridesOf(options: ConvolvePsfOptions): Record<string, number> {
  const { size, pad, grid, oversample, components, bands, radius } = options;
  return {
    SIZE: size,
    PAD: pad,
    GRID: grid,
    OVERSAMPLE: oversample,
    COMPONENTS: components,
    BANDS: bands,
    RADIUS: radius,
    STAMP: psfStampSide(options),
  };
}

function floats(key: string, recorder: PassRecorder, make: () => Float64Array): DeviceArray {
  return recorder.constant(`convolve-psf/${key}`, () => Float32Array.from(make()));
}

/** Arrays that a pass reads, in the order of their bindings, then the one that it writes. */
function bind(read: readonly DeviceArray[], ...written: readonly DeviceArray[]): PassDescription['bindings'] {
  return [
    ...read.map((array) => ({ array, access: 'read' }) as const),
    ...written.map((array) => ({ array, access: 'write' }) as const),
  ];
}

function encodeSpectral(
  recorder: PassRecorder,
  options: ConvolvePsfOptions,
  inputs: Arrays,
  scratch: Arrays,
  out: DeviceArray,
  count: number,
): void {
  const { size, grid, oversample: k, components, bands, length: M } = options;
  const { cells, psf, flux, blurs, lensed } = inputs;
  const { cellRows, spectra, psfRows, imageRows } = scratch;
  const lines = linesPerGroup(options);
  checkWorkgroupMemory(options, lines, recorder.limits);
  const shape = spectralShape(options);
  const twiddles = floats(`twiddles ${M}`, recorder, () => twiddleTable(M));
  const phases = floats(`phases ${k} ${M}`, recorder, () => phaseTable(shape));
  const gains = floats(`gains ${k} ${M}`, recorder, () => cellGainTable(shape));
  const overrides = { ...overridesOf(options), FFT_LENGTH: M, FFT_LINES: lines };
  const pass = (entry: string, transforms: number, planes: number, bindings: PassDescription['bindings']): void => {
    recorder.dispatch({
      shader: 'convolve-psf.wgsl',
      entry,
      overrides,
      bindings,
      grid: [Math.ceil(transforms / lines), planes, count],
    });
  };
  pass('transform_cell_rows', Math.ceil((k * grid) / 2), components, bind([twiddles, phases, cells], cellRows));
  pass('transform_cell_columns', M / 2, components, bind([twiddles, phases, gains, cellRows], spectra));
  pass('transform_psf_rows', Math.ceil(psfStampSide(options) / 2), bands, bind([twiddles, blurs, psf], psfRows));
  pass('multiply_columns', M / 2, bands, bind([twiddles, blurs, psfRows, spectra, flux], imageRows));
  pass('invert_rows', Math.ceil(size / 2), bands, bind([twiddles, blurs, imageRows, lensed], out));
}

function encodeSummed(
  recorder: PassRecorder,
  options: ConvolvePsfOptions,
  inputs: Arrays,
  scratch: Arrays,
  out: DeviceArray,
  count: number,
): void {
  const { method, size, grid, oversample: k, bands, rank } = options;
  const { cells, psf, flux, blurs, lensed } = inputs;
  const { mixed, sharpened, columns, rows, partials } = scratch;
  const overrides = { ...overridesOf(options), RANK: rank, PIVOT_MARGIN };
  const pass = (entry: string, groups: number, bindings: PassDescription['bindings']): void => {
    recorder.dispatch({ shader: 'convolve-psf-direct.wgsl', entry, overrides, bindings, grid: [groups, bands, count] });
  };
  pass('mix_components', Math.ceil((k * grid) ** 2 / LANES), bind([cells, flux], mixed));
  pass('sharpen', Math.ceil(psfStampSide(options) ** 2 / LANES), bind([psf], sharpened));
  if (method === 'direct') {
    pass('sum_taps', Math.ceil(size / 8) ** 2, bind([mixed, sharpened, blurs, lensed], out));
    return;
  }
  pass('separate', 1, bind([blurs], sharpened, columns, rows));
  pass('sum_along_rows', Math.ceil((rank * k * grid * size) / LANES), bind([mixed, rows, blurs], partials));
  pass('sum_along_columns', Math.ceil(size ** 2 / LANES), bind([partials, columns, blurs, lensed], out));
}

export const gpu: GpuWrapper<ConvolvePsfOptions> = {
  scratchBytesPerItem: (options) => Object.values(scratchBytes(options)).reduce((sum, bytes) => sum + bytes, 0),

  encode(recorder, options, inputs, outputs, count) {
    const scratch = Object.fromEntries(
      Object.entries(scratchBytes(options)).map(([name, bytes]) => [name, recorder.scratch(count * bytes, name)]),
    );
    const encode = options.method === 'fft' ? encodeSpectral : encodeSummed;
    encode(recorder, options, inputs, scratch, outputs['convolved'], count);
  },
};
