// Sums and maxima of stamps: one workgroup per plane, lanes in strides, blocks of 16 terms, then a tree.
// Docs: docs/kernels/reduce-stamps.md. Twin: kernels/reduce-stamps/cpu.ts.

struct ReduceStampsUniform {
  blocks: u32,
  planes: u32,
  pixels: u32,
  bad_bits: u32,
  row_length: u32,
}

// What is known of a set of pixels.
struct Reduction {
  total: f32,
  good_sum: f32,
  weighted_sum: f32,
  weighted_square: f32,
  good_variance: f32,
  maximum: f32,
  max_significance: f32,
  good_count: u32,
  significant_count: u32,
}

// The float outputs of a plane, in the order of FLOAT_REDUCTIONS; padded to 32 bytes.
struct Record {
  sum: f32,
  maximum: f32,
  good_sum: f32,
  weighted_sum: f32,
  weighted_square: f32,
  max_significance: f32,
  good_variance: f32,
  unused: f32,
}

@group(0) @binding(0) var<storage, read> values: array<f32>;
@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read> mask: array<u32>;
@group(0) @binding(3) var<storage, read_write> records_out: array<Record>;
@group(0) @binding(4) var<storage, read_write> good_counts: array<u32>;
@group(0) @binding(5) var<storage, read_write> significant_counts: array<u32>;
@group(0) @binding(6) var<uniform> sizes: ReduceStampsUniform;

const LANES = 128u;
const BLOCK = 16u;
const MIN_WEIGHT = 1e-30;
const LOWEST = -3.4028234663852886e38;

var<workgroup> partial: array<Reduction, LANES>;

fn nothing() -> Reduction {
  return Reduction(0.0, 0.0, 0.0, 0.0, 0.0, LOWEST, LOWEST, 0u, 0u);
}

fn joined(a: Reduction, b: Reduction) -> Reduction {
  return Reduction(
    a.total + b.total,
    a.good_sum + b.good_sum,
    a.weighted_sum + b.weighted_sum,
    a.weighted_square + b.weighted_square,
    a.good_variance + b.good_variance,
    max(a.maximum, b.maximum),
    max(a.max_significance, b.max_significance),
    a.good_count + b.good_count,
    a.significant_count + b.significant_count,
  );
}

@compute @workgroup_size(LANES)
fn reduce_planes(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = group.y * sizes.row_length + group.x;
  if (index >= sizes.blocks) { return; }
  let start = index * sizes.pixels;
  let mask_start = index / sizes.planes * sizes.pixels;

  var lane_total = nothing();
  for (var first = lane; first < sizes.pixels; first += LANES * BLOCK) {
    var block = nothing();
    for (var pixel = first; pixel < min(sizes.pixels, first + LANES * BLOCK); pixel += LANES) {
      let value = values[start + pixel];
      let weight = weights[start + pixel];
      block.total += value;
      block.maximum = max(block.maximum, value);
      if ((mask[mask_start + pixel] & sizes.bad_bits) == 0u && weight >= MIN_WEIGHT) {
        let significance = value * sqrt(weight);
        block.good_sum += value;
        block.weighted_sum += weight * value;
        block.weighted_square += significance * significance;
        block.good_variance += 1.0 / weight;
        block.max_significance = max(block.max_significance, significance);
        block.good_count += 1u;
        block.significant_count += u32(significance > 1.0);
      }
    }
    lane_total = joined(lane_total, block);
  }
  partial[lane] = lane_total;
  workgroupBarrier();
  for (var stride = LANES / 2u; stride > 0u; stride /= 2u) {
    if (lane < stride) { partial[lane] = joined(partial[lane], partial[lane + stride]); }
    workgroupBarrier();
  }
  if (lane == 0u) {
    let all = partial[0];
    let significance = select(all.max_significance, 0.0, all.good_count == 0u);
    let sums = vec4f(all.good_sum, all.weighted_sum, all.weighted_square, all.good_variance);
    records_out[index] = Record(all.total, all.maximum, sums.x, sums.y, sums.z, significance, sums.w, 0.0);
    good_counts[index] = all.good_count;
    significant_counts[index] = all.significant_count;
  }
}

// A stage may bind eight storage buffers only, so the records are dealt out in a pass of their own.
@group(0) @binding(0) var<storage, read> records: array<Record>;
@group(0) @binding(1) var<storage, read_write> sum: array<f32>;
@group(0) @binding(2) var<storage, read_write> maximum: array<f32>;
@group(0) @binding(3) var<storage, read_write> good_sum: array<f32>;
@group(0) @binding(4) var<storage, read_write> weighted_sum: array<f32>;
@group(0) @binding(5) var<storage, read_write> weighted_square: array<f32>;
@group(0) @binding(6) var<storage, read_write> max_significance: array<f32>;
@group(0) @binding(7) var<storage, read_write> good_variance: array<f32>;
@group(0) @binding(8) var<uniform> deal_sizes: ReduceStampsUniform;

@compute @workgroup_size(64)
fn deal_records(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= deal_sizes.blocks) { return; }
  let record = records[id.x];
  sum[id.x] = record.sum;
  maximum[id.x] = record.maximum;
  good_sum[id.x] = record.good_sum;
  weighted_sum[id.x] = record.weighted_sum;
  weighted_square[id.x] = record.weighted_square;
  max_significance[id.x] = record.max_significance;
  good_variance[id.x] = record.good_variance;
}
