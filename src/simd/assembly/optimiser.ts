import {
  AVERAGES, CHUNK, COUNT, FIRST_MOMENTS, GRADIENT, OUT, SECOND_MOMENTS, SOURCE0, STEP_NUMBERS,
} from '../record';
import { lanes, madd } from './vector';

/** One step of Adam over a flat range, and of a moving average; numbers as calls/optimiser.ts lays them out. */
export function adam(record: usize, task: i32, scratch: usize): void {
  const first = <usize>(task * load<i32>(record + CHUNK)) << 2;
  const last = min(<usize>load<i32>(record + COUNT) << 2, first + (<usize>load<i32>(record + CHUNK) << 2));
  const parameters = load<usize>(record + SOURCE0);
  const gradients = load<usize>(record + GRADIENT);
  const seconds = load<usize>(record + SECOND_MOMENTS);
  const firsts = load<usize>(record + FIRST_MOMENTS);
  const averages = load<usize>(record + AVERAGES);
  const numbers = load<usize>(record + STEP_NUMBERS);
  const rate = v128.load32_splat(numbers);
  const beta1 = v128.load32_splat(numbers, 4), beta2 = v128.load32_splat(numbers, 8);
  const correction = v128.load32_splat(numbers, 12), eps = v128.load32_splat(numbers, 16);
  const kept = v128.load32_splat(numbers, 20);
  const one = f32x4.splat(1);
  const new1 = f32x4.sub(one, beta1), new2 = f32x4.sub(one, beta2), fresh = f32x4.sub(one, kept);
  for (let at = first; at < last; at += 16) {
    const g = sanitised(v128.load(gradients + at));
    let m = f32x4.mul(g, new1);
    if (firsts != 0) {
      m = f32x4.add(f32x4.mul(v128.load(firsts + at), beta1), m);
      v128.store(firsts + at, m);
    }
    const v = f32x4.add(f32x4.mul(v128.load(seconds + at), beta2), f32x4.mul(f32x4.mul(g, g), new2));
    v128.store(seconds + at, v);
    const root = madd(f32x4.sqrt(v), correction, eps);
    const p = f32x4.sub(v128.load(parameters + at), f32x4.div(f32x4.mul(m, rate), root));
    v128.store(parameters + at, p);
    if (averages == 0) continue;
    v128.store(averages + at, f32x4.add(f32x4.mul(v128.load(averages + at), kept), f32x4.mul(p, fresh)));
  }
}

/** NaN to 0, infinities to +-1e5. */
function sanitised(g: v128): v128 {
  const number = v128.and(g, f32x4.eq(g, g));
  const infinite = f32x4.eq(f32x4.abs(number), f32x4.splat(Infinity));
  const bound = f32x4.min(f32x4.max(number, f32x4.splat(-1e5)), f32x4.splat(1e5));
  return v128.bitselect(bound, number, infinite);
}

/** a + share (b - a) in the place of a; at a share of 1 it is b, whatever a was. */
export function blend(record: usize, task: i32, scratch: usize): void {
  const first = <usize>(task * load<i32>(record + CHUNK)) << 2;
  const last = min(<usize>load<i32>(record + COUNT) << 2, first + (<usize>load<i32>(record + CHUNK) << 2));
  const averages = load<usize>(record + AVERAGES);
  const values = load<usize>(record + SOURCE0);
  const share = v128.load32_splat(load<usize>(record + STEP_NUMBERS));
  if (f32x4.extract_lane(share, 0) == 1) {
    memory.copy(averages + first, values + first, last - first);
    return;
  }
  for (let at = first; at < last; at += 16) {
    const a = v128.load(averages + at);
    v128.store(averages + at, f32x4.add(a, f32x4.mul(share, f32x4.sub(v128.load(values + at), a))));
  }
}

/** Sums of squares, a float64 a task. */
export function squares(record: usize, task: i32, scratch: usize): void {
  const first = <usize>(task * load<i32>(record + CHUNK)) << 2;
  const last = min(<usize>load<i32>(record + COUNT) << 2, first + (<usize>load<i32>(record + CHUNK) << 2));
  const source = load<usize>(record + SOURCE0);
  let total: f64 = 0;
  for (let at = first; at < last; at += 1024) {
    const end = min(last, at + 1024);
    let sum = f32x4.splat(0);
    for (let i = at; i < end; i += 16) sum = madd(v128.load(source + i), v128.load(source + i), sum);
    total += lanes(sum);
  }
  store<f64>(load<usize>(record + OUT) + (<usize>task << 3), total);
}
