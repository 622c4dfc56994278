import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { blake2b } from '../../src/core/blake2b.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('blake2b', () => {
  it('gives the example of RFC 7693, appendix A', () => {
    const expected =
      'ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923';
    expect(hex(blake2b(new TextEncoder().encode('abc')))).toBe(expected);
  });

  it('agrees with OpenSSL at every number of bytes about a block boundary', () => {
    for (const length of [0, 1, 63, 127, 128, 129, 255, 256, 257, 1000]) {
      const message = Uint8Array.from({ length }, (_, at) => (at * 37) % 256);
      expect(hex(blake2b(message))).toBe(createHash('blake2b512').update(message).digest('hex'));
    }
  });

  // hashlib.blake2b(b'abc', digest_size=8) and (b'', digest_size=32) of Python.
  it('has digests of other lengths, which are no beginnings of the long one', () => {
    expect(hex(blake2b(new TextEncoder().encode('abc'), 8))).toBe('d8bb14d833d59559');
    expect(hex(blake2b(new Uint8Array(0), 32))).toBe('0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8');
    expect(() => blake2b(new Uint8Array(0), 65)).toThrow(RangeError);
  });
});
