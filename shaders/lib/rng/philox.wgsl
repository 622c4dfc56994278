// Philox4x32-10 (Salmon et al. 2011): bit for bit the words of src/core/rng.ts.

// High 32 bits of a product; WGSL has no 64-bit multiplication.
fn philox_mul_high(a: u32, b: u32) -> u32 {
  let a_low = a & 0xffffu;
  let a_high = a >> 16u;
  let b_low = b & 0xffffu;
  let b_high = b >> 16u;
  let mid = a_high * b_low + ((a_low * b_low) >> 16u);
  let cross = a_low * b_high + (mid & 0xffffu);
  return a_high * b_high + (mid >> 16u) + (cross >> 16u);
}

// Four words for a counter (running number, part, item, tag) and a key (seed low, seed high).
fn philox4x32(counter: vec4u, key: vec2u) -> vec4u {
  var c = counter;
  var k = key;
  for (var round = 0u; round < 10u; round++) {
    let low0 = 0xd2511f53u * c.x;
    let low1 = 0xcd9e8d57u * c.z;
    c = vec4u(
      philox_mul_high(0xcd9e8d57u, c.z) ^ c.y ^ k.x,
      low1,
      philox_mul_high(0xd2511f53u, c.x) ^ c.w ^ k.y,
      low0,
    );
    k += vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}

// Uniform in [0, 1): 24 bits, exact in f32.
fn philox_uniform(word: u32) -> f32 {
  return f32(word >> 8u) * 0x1p-24f;
}
