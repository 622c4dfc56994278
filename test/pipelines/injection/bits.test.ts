import { describe, expect, it } from 'vitest';
import { bitMask } from '../../../src/pipelines/injection/bits.ts';

describe('maskbits', () => {
  it('are presets, values or lists', () => {
    expect(bitMask('default')).toBe(3326);
    expect(bitMask('dhs', 'dr9')).toBe(3147);
    expect(bitMask([8, 9])).toBe(768);
    expect(bitMask([30])).toBe(2 ** 30);
    expect(bitMask(3327)).toBe(3327);
    expect(() => bitMask([31])).toThrow('31 is no bit from 0 to 30');
    expect(() => bitMask(-1)).toThrow('-1 is no mask value');
  });
});
