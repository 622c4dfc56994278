//#import "lib/complex.wgsl"

// Mixed-radix (4, 2, 3) Stockham FFT of FFT_LINES lines at once in workgroup memory: src/core/fft.ts, same stages, same table. One workgroup of
// FFT_LANES threads. Short lines go several to a group, so that a stage keeps its lanes busy between two barriers.
override FFT_LENGTH: u32;
override FFT_LINES: u32 = 1u;

const FFT_LANES = 64u;
const SQRT3_2 = 0.8660254037844386;

// twiddleTable(FFT_LENGTH). Passes that transform bind it first.
@group(0) @binding(0) var<storage, read> twiddles: array<vec2f>;

// Two halves of FFT_LINES * FFT_LENGTH values: a stage reads one and writes the other.
var<workgroup> fft_data: array<vec2f, 2u * FFT_LINES * FFT_LENGTH>;

// Where a thread's butterfly reads its first value, writes its first value, and which twiddle it takes.
struct Butterfly {
  take: u32,
  put: u32,
  twiddle: u32,
}

fn fft_butterfly(index: u32, radix: u32, stride: u32, source: u32, other: u32) -> Butterfly {
  let per_line = FFT_LENGTH / radix;
  let line = (index / per_line) * FFT_LENGTH;
  let i = index % per_line;
  let twiddle = i - i % stride;
  return Butterfly(source + line + i, other + line + i + (radix - 1u) * twiddle, twiddle);
}

fn fft_stage4(lane: u32, stride: u32, source: u32, other: u32) {
  let step = FFT_LENGTH / 4u;
  for (var index = lane; index < FFT_LINES * step; index += FFT_LANES) {
    let at = fft_butterfly(index, 4u, stride, source, other);
    let a = fft_data[at.take];
    let b = fft_data[at.take + step];
    let c = fft_data[at.take + 2u * step];
    let d = fft_data[at.take + 3u * step];
    let sum_ac = a + c;
    let dif_ac = a - c;
    let sum_bd = b + d;
    let turned = vec2f(b.y - d.y, d.x - b.x); // -i (b - d)
    fft_data[at.put] = sum_ac + sum_bd;
    fft_data[at.put + stride] = complex_mul(twiddles[at.twiddle], dif_ac + turned);
    fft_data[at.put + 2u * stride] = complex_mul(twiddles[2u * at.twiddle], sum_ac - sum_bd);
    fft_data[at.put + 3u * stride] = complex_mul(twiddles[3u * at.twiddle], dif_ac - turned);
  }
}

fn fft_stage2(lane: u32, stride: u32, source: u32, other: u32) {
  let step = FFT_LENGTH / 2u;
  for (var index = lane; index < FFT_LINES * step; index += FFT_LANES) {
    let at = fft_butterfly(index, 2u, stride, source, other);
    let a = fft_data[at.take];
    let b = fft_data[at.take + step];
    fft_data[at.put] = a + b;
    fft_data[at.put + stride] = complex_mul(twiddles[at.twiddle], a - b);
  }
}

fn fft_stage3(lane: u32, stride: u32, source: u32, other: u32) {
  let step = FFT_LENGTH / 3u;
  for (var index = lane; index < FFT_LINES * step; index += FFT_LANES) {
    let at = fft_butterfly(index, 3u, stride, source, other);
    let a = fft_data[at.take];
    let b = fft_data[at.take + step];
    let c = fft_data[at.take + 2u * step];
    let sum = b + c;
    let dif = SQRT3_2 * (b - c);
    let mid = a - 0.5 * sum;
    let turned = vec2f(dif.y, -dif.x); // -i dif
    fft_data[at.put] = a + sum;
    fft_data[at.put + stride] = complex_mul(twiddles[at.twiddle], mid + turned);
    fft_data[at.put + 2u * stride] = complex_mul(twiddles[2u * at.twiddle], mid - turned);
  }
}

// Forward transform, unnormalised, of the lines that start at `start` (0 or FFT_LINES * FFT_LENGTH) of fft_data; returns where the result starts.
// Waits for all threads before the first stage and after the last. The inverse: hand in values with parts swapped (.yx), swap the result.
fn fft_forward(lane: u32, start: u32) -> u32 {
  let half = FFT_LINES * FFT_LENGTH;
  var source = start;
  var stride = 1u;
  workgroupBarrier();
  while (stride < FFT_LENGTH) {
    let rest = FFT_LENGTH / stride;
    let other = half - source;
    if (rest % 4u == 0u) {
      fft_stage4(lane, stride, source, other);
      stride *= 4u;
    } else if (rest % 2u == 0u) {
      fft_stage2(lane, stride, source, other);
      stride *= 2u;
    } else {
      fft_stage3(lane, stride, source, other);
      stride *= 3u;
    }
    source = other;
    workgroupBarrier();
  }
  return source;
}
