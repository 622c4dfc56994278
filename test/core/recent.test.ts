import { expect, it } from 'vitest';
import { Recent } from '../../src/core/recent.ts';

it('makes once per options, and forgets the oldest', () => {
  const recent = new Recent<number>(2);
  let made = 0;
  const get = (size: number): number => recent.get({ size }, () => ++made);
  expect([get(1), get(2), get(1), get(3), get(2), get(1)]).toEqual([1, 2, 1, 3, 2, 4]);
});
