import { describe, expect, it } from 'vitest';
import { resolveChain } from '../../src/engine/chain.ts';
import type { Chain, ChainStep } from '../../src/engine/executor.ts';
import { checkInputs, sliceInputs } from '../../src/engine/inputs.ts';
import type { Columns, HostInput } from '../../src/engine/kernel.ts';
import { scaleInputs, TINY } from '../support/tiny.ts';

const SCALE: ChainStep = {
  kernel: 'scale',
  options: { size: 3 },
  inputs: { gains: 'gains', values: 'values', table: 'table' },
  outputs: { scaled: 'scaled', tag: 'tag' },
};
const TOTAL: ChainStep = { kernel: 'total', options: { size: 3 }, inputs: { values: 'scaled' }, outputs: { total: 'total' } };
const CHAIN: Chain = { steps: [SCALE, TOTAL], keep: ['total'] };

function failure(run: () => unknown): { code: string; message: string; remedy?: string; data?: Record<string, unknown> } {
  try {
    run();
  } catch (error) {
    return error as ReturnType<typeof failure>;
  }
  throw new Error('nothing was thrown');
}

const resolve = (chain: Chain) => resolveChain(chain, TINY);

describe('resolveChain', () => {
  it('finds inputs, intermediates and kept wires', () => {
    const { inputs, wires } = resolve(CHAIN);
    expect(inputs).toEqual(['gains', 'values', 'table']);
    expect(wires['scaled']).toMatchObject({ isInput: false, isKept: false, elements: 3 });
    expect(wires['total']).toMatchObject({ isInput: false, isKept: true, elements: 1 });
  });

  it('names the nearest slug', () => {
    const error = failure(() => resolve({ steps: [{ ...SCALE, kernel: 'scael' }], keep: ['tag'] }));
    expect(error).toMatchObject({ code: 'KERNEL_UNKNOWN', remedy: "Did you mean 'scale'?" });
  });

  const bad: [string, Chain, RegExp][] = [
    ['an unknown keep', { ...CHAIN, keep: ['totl'] }, /'totl'.*nearest: 'total'/],
    ['a kept input', { ...CHAIN, keep: ['values'] }, /'values' is to be kept, but no step makes it/],
    [
      'a length that disagrees',
      { ...CHAIN, steps: [SCALE, { ...TOTAL, options: { size: 4 } }] },
      /3 elements \[3\].*takes 4 \[4\]/,
    ],
    [
      'a kind that disagrees',
      { ...CHAIN, steps: [SCALE, { ...TOTAL, inputs: { values: 'tag' } }] },
      /'tag' holds u32.*takes float/,
    ],
    [
      'an axis that disagrees',
      { ...CHAIN, steps: [SCALE, { ...TOTAL, inputs: { values: 'table' } }] },
      /'table' holds one block for all/,
    ],
    [
      'a wrong array name',
      { ...CHAIN, steps: [{ ...SCALE, inputs: { ...SCALE.inputs, gain: 'g' } }] },
      /no input 'gain' \(nearest: 'gains'\)/,
    ],
    ['a wire left out', { steps: [{ ...TOTAL, outputs: {} }], keep: ['total'] }, /output 'total' of kernel total has no wire/],
    ['a wire made twice', { ...CHAIN, steps: [SCALE, SCALE] }, /made twice/],
    ['a wire taken too early', { ...CHAIN, steps: [TOTAL, SCALE] }, /taken before kernel scale makes it/],
    ['nothing kept', { ...CHAIN, keep: [] }, /keeps no wire/],
    ['no steps', { steps: [], keep: ['total'] }, /no steps/],
  ];
  it.each(bad)('refuses %s', (_, chain, message) => {
    const error = failure(() => resolve(chain));
    expect(error.code).toBe('KERNEL_CONTRACT');
    expect(error.message).toMatch(message);
  });
});

describe('checkInputs', () => {
  const resolved = resolve(CHAIN);
  const good = (): Record<string, HostInput> => scaleInputs(4, 3);
  const check = (inputs: Record<string, HostInput>, firstItem = 0): void => checkInputs(resolved, inputs, 4, firstItem);

  it('accepts what fits', () => expect(() => check(good())).not.toThrow());

  it('says both numbers of a wrong length', () => {
    expect(failure(() => check({ ...good(), values: new Float64Array(11) })).message).toBe(
      "Input 'values' has 11 elements, needs 12 (4 items of 3).",
    );
    const gains = good()['gains'] as Columns;
    const error = failure(() => check({ ...good(), gains: { ...gains, gain: new Float64Array(3) } }));
    expect(error.message).toBe("Input 'gains.gain' has 3 elements, needs 4 (4 items of 1).");
    expect(failure(() => check({ ...good(), table: new Float64Array(0) })).message).toMatch(
      /has 0 elements, needs a multiple of 1/,
    );
  });

  it('names a missing and a surplus wire', () => {
    const { values: _, ...rest } = good();
    expect(failure(() => check(rest)).message).toMatch(/input 'values' \(float \[3\]\) is missing/);
    expect(failure(() => check({ ...good(), valeus: new Float64Array(1) })).message).toMatch(
      /no input 'valeus' \(nearest: 'values'\)/,
    );
  });

  it('refuses the wrong kind', () => {
    expect(failure(() => check({ ...good(), values: new Uint32Array(12) })).message).toMatch(
      /is a Uint32Array, needs a Float64Array/,
    );
    expect(failure(() => check({ ...good(), gains: new Float64Array(4) })).message).toMatch(/needs columns of struct Gain/);
    expect(failure(() => check({ ...good(), gains: { gain: new Float64Array(4) } })).message).toMatch(/no column 'offset'/);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 1e39])('names input, item and element of %d', (value) => {
    const values = good()['values'] as Float64Array;
    values[7] = value;
    const error = failure(() => check({ ...good(), values }, 100));
    expect(error).toMatchObject({ code: 'INPUT_INVALID', data: { input: 'values', item: 102, element: 1 } });
  });

  it('names the field of a struct, and refuses fractions where integers belong', () => {
    const gains = good()['gains'] as Columns;
    gains['offset'][2] = Number.NaN;
    expect(failure(() => check({ ...good(), gains })).data).toMatchObject({ input: 'gains', item: 2, field: 'offset' });
    const fractions = { ...(good()['gains'] as Columns), pick: Float64Array.of(0, 1, 2.5, 3) };
    expect(failure(() => check({ ...good(), gains: fractions })).data).toMatchObject({ item: 2, field: 'pick', value: 2.5 });
  });

  it('looks through a shared table too', () => {
    const error = failure(() => check({ ...good(), table: Float32Array.of(1, Number.NaN) }));
    expect(error).toMatchObject({ code: 'INPUT_INVALID', data: { input: 'table', element: 1 } });
  });
});

describe('sliceInputs', () => {
  it('cuts per-item inputs as views and leaves shared ones alone', () => {
    const inputs = scaleInputs(4, 3);
    const cut = sliceInputs(resolve(CHAIN), inputs, 1, 2);
    expect(cut['table']).toBe(inputs['table']);
    expect(cut['values']).toEqual((inputs['values'] as Float64Array).slice(3, 9));
    expect((cut['values'] as Float64Array).buffer).toBe((inputs['values'] as Float64Array).buffer);
    expect((cut['gains'] as Columns)['pick']).toEqual(Uint32Array.of(1, 2));
  });
});
