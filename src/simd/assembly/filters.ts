import {
  CHANNELS0, CHANNELS1, KERNEL_SIZE, KERNEL_WIDTH, MODE, OUT, OUT_CHANNELS, PAD, PAD_LEFT, STRIDE, WEIGHTS, WIDTH,
} from '../record';

/**
 * The filter of an input gradient: of every `STRIDE`-th tap, from (PAD, PAD_LEFT) on, turned around, with inputs and outputs
 * exchanged. A task is a panel of 8 input channels.
 */
export function turnFilter(record: usize, task: i32, scratch: usize): void {
  const inputs = load<i32>(record + CHANNELS0);
  const outputs = load<i32>(record + CHANNELS1);
  const size = load<i32>(record + WIDTH);
  const stride = load<i32>(record + STRIDE);
  const down = load<i32>(record + KERNEL_SIZE);
  const across = load<i32>(record + KERNEL_WIDTH);
  const top = load<i32>(record + PAD);
  const left = load<i32>(record + PAD_LEFT);
  const panel = <usize>(size * size * inputs) << 5;
  const first = task << 3;
  const count = min(8, inputs - first);
  let to = load<usize>(record + OUT) + (<usize>(task * down * across * outputs) << 5);
  for (let i = down - 1; i >= 0; i--)
    for (let j = across - 1; j >= 0; j--) {
      const tap = (top + i * stride) * size + left + j * stride;
      const from = load<usize>(record + WEIGHTS) + (<usize>(tap * inputs + first) << 5);
      for (let o = 0; o < outputs; o++) {
        const at = from + <usize>(o >> 3) * panel + (<usize>(o & 7) << 2);
        for (let c = 0; c < 8; c++)
          store<f32>(to + (<usize>c << 2), c < count ? load<f32>(at + (<usize>c << 5)) : 0);
        to += 32;
      }
    }
}

/** G g G' of every 3x3 filter (Winograd's F(2, 3) and F(4, 3), see winograd.ts). A task is a panel of 8 outputs. */
export function winogradFilter(record: usize, task: i32, scratch: usize): void {
  const inputs = load<i32>(record + CHANNELS0);
  const points = load<i32>(record + MODE) + 2;
  const panels = (load<i32>(record + OUT_CHANNELS) + 7) >> 3;
  const matrix = <usize>(panels * inputs) << 5;
  const tap = <usize>inputs << 5;
  const from = load<usize>(record + WEIGHTS) + <usize>(task * 9) * tap;
  const to = load<usize>(record + OUT) + <usize>task * tap;
  for (let at: usize = 0; at < tap; at += 16) {
    // Along the columns of each of the filter's rows; then along the rows of what came of it.
    for (let i: usize = 0; i < 3; i++) {
      const row = from + at + 3 * i * tap;
      line(v128.load(row), v128.load(row + tap), v128.load(row + 2 * tap), scratch + <usize>i * 16, 48, points);
    }
    for (let j = 0; j < points; j++) {
      const x = scratch + <usize>(48 * j);
      line(v128.load(x), v128.load(x, 16), v128.load(x, 32), to + at + <usize>j * matrix, <usize>points * matrix, points);
    }
  }
}

/** G times a column of three, at points 0, 1, -1, (2, -2) and infinity. */
function line(g0: v128, g1: v128, g2: v128, to: usize, stride: usize, points: i32): void {
  const outer = f32x4.add(g0, g2);
  if (points == 4) {
    const half = f32x4.splat(0.5);
    v128.store(to, g0);
    v128.store(to + stride, f32x4.mul(f32x4.add(outer, g1), half));
    v128.store(to + 2 * stride, f32x4.mul(f32x4.sub(outer, g1), half));
    v128.store(to + 3 * stride, g2);
    return;
  }
  const sixth = f32x4.splat(-1.0 / 6);
  v128.store(to, f32x4.mul(g0, f32x4.splat(0.25)));
  v128.store(to + stride, f32x4.mul(f32x4.add(outer, g1), sixth));
  v128.store(to + 2 * stride, f32x4.mul(f32x4.sub(outer, g1), sixth));
  const even = f32x4.add(f32x4.mul(g0, f32x4.splat(1.0 / 24)), f32x4.mul(g2, f32x4.splat(1.0 / 6)));
  const odd = f32x4.mul(g1, f32x4.splat(1.0 / 12));
  v128.store(to + 3 * stride, f32x4.add(even, odd));
  v128.store(to + 4 * stride, f32x4.sub(even, odd));
  v128.store(to + 5 * stride, g2);
}
