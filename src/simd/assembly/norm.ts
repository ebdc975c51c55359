import {
  BIAS, CHANNELS0, CHANNELS1, CHUNK, CHUNKS, EPSILON, GROUPS, HEIGHT, OUT, PARTIALS, SOURCE0, SOURCE1, STATISTICS, VECTOR,
  VECTOR_STRIDE, WEIGHTS, WIDTH,
} from '../record';

/**
 * Group normalisation in two steps. First every channel's mean and sum of squared deviations over a chunk of
 * pixels, in two passes while the chunk is in cache; then the chunks and channels of a group together (Chan et
 * al.), in float64, as the affine that the next step applies.
 */
export function normChunks(record: usize, task: i32, scratch: usize): void {
  const chunks = load<i32>(record + CHUNKS);
  const chunk = load<i32>(record + CHUNK);
  const pixels = load<i32>(record + HEIGHT) * load<i32>(record + WIDTH);
  const c0 = load<i32>(record + CHANNELS0);
  const c1 = load<i32>(record + CHANNELS1);
  const n = task / chunks;
  const first = (task % chunks) * chunk;
  const count = min(chunk, pixels - first);
  const bytes = <usize>(c0 + c1) << 2;
  const to = load<usize>(record + PARTIALS) + <usize>task * 2 * bytes;
  const pixel = <usize>(n * pixels + first);
  moments(load<usize>(record + SOURCE0) + pixel * (<usize>c0 << 2), c0, count, to, bytes);
  if (c1 != 0)
    moments(
      load<usize>(record + SOURCE1) + pixel * (<usize>c1 << 2), c1, count, to + (<usize>c0 << 2), bytes,
    );
}

function moments(from: usize, channels: i32, pixels: i32, to: usize, next: usize): void {
  const stride = <usize>channels << 2;
  const inverse = f32x4.splat(<f32>1 / <f32>pixels);
  let c: usize = 0;
  for (; c + 64 <= stride; c += 64) {
    let s0 = f32x4.splat(0), s1 = f32x4.splat(0), s2 = f32x4.splat(0), s3 = f32x4.splat(0);
    let p = from + c;
    for (let i = 0; i < pixels; i++) {
      s0 = f32x4.add(s0, v128.load(p));
      s1 = f32x4.add(s1, v128.load(p, 16));
      s2 = f32x4.add(s2, v128.load(p, 32));
      s3 = f32x4.add(s3, v128.load(p, 48));
      p += stride;
    }
    const m0 = f32x4.mul(s0, inverse), m1 = f32x4.mul(s1, inverse), m2 = f32x4.mul(s2, inverse),
      m3 = f32x4.mul(s3, inverse);
    v128.store(to + c, m0); v128.store(to + c, m1, 16); v128.store(to + c, m2, 32); v128.store(to + c, m3, 48);
    s0 = s1 = s2 = s3 = f32x4.splat(0);
    p = from + c;
    for (let i = 0; i < pixels; i++) {
      const d0 = f32x4.sub(v128.load(p), m0), d1 = f32x4.sub(v128.load(p, 16), m1),
        d2 = f32x4.sub(v128.load(p, 32), m2), d3 = f32x4.sub(v128.load(p, 48), m3);
      s0 = f32x4.add(s0, f32x4.mul(d0, d0));
      s1 = f32x4.add(s1, f32x4.mul(d1, d1));
      s2 = f32x4.add(s2, f32x4.mul(d2, d2));
      s3 = f32x4.add(s3, f32x4.mul(d3, d3));
      p += stride;
    }
    const q = to + next + c;
    v128.store(q, s0); v128.store(q, s1, 16); v128.store(q, s2, 32); v128.store(q, s3, 48);
  }
  for (; c < stride; c += 16) {
    let sum = f32x4.splat(0);
    for (let i = 0; i < pixels; i++) sum = f32x4.add(sum, v128.load(from + c + <usize>i * stride));
    const mean = f32x4.mul(sum, inverse);
    v128.store(to + c, mean);
    sum = f32x4.splat(0);
    for (let i = 0; i < pixels; i++) {
      const d = f32x4.sub(v128.load(from + c + <usize>i * stride), mean);
      sum = f32x4.add(sum, f32x4.mul(d, d));
    }
    v128.store(to + next + c, sum);
  }
}

/** One group of one image. */
export function normFinish(record: usize, task: i32, scratch: usize): void {
  const groups = load<i32>(record + GROUPS);
  const chunks = load<i32>(record + CHUNKS);
  const chunk = load<i32>(record + CHUNK);
  const pixels = load<i32>(record + HEIGHT) * load<i32>(record + WIDTH);
  const channels = load<i32>(record + CHANNELS0) + load<i32>(record + CHANNELS1);
  const n = task / groups;
  const width = channels / groups;
  const first = (task % groups) * width;
  const bytes = <usize>channels << 2;
  const partials = load<usize>(record + PARTIALS) + <usize>(n * chunks) * 2 * bytes + (<usize>first << 2);

  let sum: f64 = 0;
  for (let k = 0; k < chunks; k++) {
    let part: f64 = 0;
    for (let c = 0; c < width; c++) part += load<f32>(partials + <usize>k * 2 * bytes + (<usize>c << 2));
    sum += part * min(chunk, pixels - k * chunk);
  }
  const total = <f64>(pixels * width);
  const mean = sum / total;
  let squares: f64 = 0;
  for (let k = 0; k < chunks; k++) {
    const at = partials + <usize>k * 2 * bytes;
    let between: f64 = 0;
    for (let c = 0; c < width; c++) {
      const d = <f64>load<f32>(at + (<usize>c << 2)) - mean;
      between += d * d;
      squares += load<f32>(at + bytes + (<usize>c << 2));
    }
    squares += between * min(chunk, pixels - k * chunk);
  }
  const inverse = 1 / sqrt(squares / total + load<f32>(record + EPSILON));

  const statistics = load<usize>(record + STATISTICS);
  const kept = statistics + <usize>n * 2 * bytes;
  const vector = load<usize>(record + VECTOR);
  const row = vector + <usize>n * load<usize>(record + VECTOR_STRIDE);
  const out = load<usize>(record + OUT) + <usize>n * 2 * bytes;
  for (let c = first; c < first + width; c++) {
    const at = <usize>c << 2;
    let a = inverse * load<f32>(load<usize>(record + WEIGHTS) + at);
    let b = load<f32>(load<usize>(record + BIAS) + at) - mean * a;
    if (vector != 0) {
      const s: f64 = <f64>load<f32>(row + at) + 1;
      a *= s;
      b = b * s + load<f32>(row + bytes + at);
    }
    store<f32>(out + at, <f32>a);
    store<f32>(out + bytes + at, <f32>b);
    if (statistics == 0) continue;
    store<f32>(kept + at, <f32>mean);
    store<f32>(kept + bytes + at, <f32>inverse);
  }
}
