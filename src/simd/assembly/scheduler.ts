import {
  COUNTERS, FAILED, GENERATION, HEARTBEATS, IDLE, KERNEL, PATIENCE, PROGRAM, QUIT, RECORD_BYTES, SCRATCH, SCRATCH_BYTES, STEPS,
  TASKS, THREADS,
} from '../record';

/**
 * Every thread walks the whole program. At each step it takes task after task from the step's counter, and goes on
 * when all threads are through. Waits spin for a moment, then sleep. P is a module's kernels: a class whose method `perform`
 * does one task of a call.
 */
const SPINS = 4000;
const SLICE: i64 = 20_000_000; // ns
/** Slices at least before a run is given up: the clock alone also counts the sleep of a closed laptop. */
const LEAST_SLICES = 8;

/** Milliseconds. */
// @ts-ignore: decorator
@external("env", "now")
declare function now(): f64;

/** The caller's part of a run; false when a thread has failed. */
export function run<P>(): bool {
  const threads = load<i32>(THREADS);
  if (threads > 1) {
    atomic.store<i32>(IDLE, 0);
    atomic.add<i32>(GENERATION, 1);
    atomic.notify(GENERATION, threads - 1);
  }
  // The next run resets the counters: nobody may look at them any more.
  return walk<P>(0) && reaches(IDLE, threads - 1);
}

/** A worker's life: a walk each time the generation changes. */
export function serve<P>(thread: i32): void {
  let seen = 0;
  for (;;) {
    for (let i = 0; i < SPINS && atomic.load<i32>(GENERATION) == seen; i++) {}
    while (atomic.load<i32>(GENERATION) == seen) atomic.wait<i32>(GENERATION, seen, -1);
    seen = atomic.load<i32>(GENERATION);
    if (atomic.load<i32>(QUIT) != 0 || !walk<P>(thread)) return;
    atomic.add<i32>(IDLE, 1);
    atomic.notify(IDLE, 1);
  }
}

function walk<P>(thread: i32): bool {
  const steps = load<i32>(STEPS);
  const threads = load<i32>(THREADS);
  const scratch = load<usize>(SCRATCH) + <usize>thread * load<usize>(SCRATCH_BYTES);
  const heartbeat = HEARTBEATS + (<usize>thread << 6);
  let record = load<usize>(PROGRAM);
  for (let s = 0; s < steps; s++) {
    const counter = COUNTERS + (<usize>s << 6);
    const tasks = load<i32>(record + TASKS);
    for (;;) {
      const task = atomic.add<i32>(counter, 1);
      if (task >= tasks) break;
      atomic.add<i32>(heartbeat, 1);
      changetype<P>(0).perform(load<i32>(record + KERNEL), record, task, scratch);
    }
    if (threads > 1) {
      if (atomic.add<i32>(counter + 4, 1) + 1 == threads) atomic.notify(counter + 4, threads);
      else if (!reaches(counter + 4, threads)) return false;
    }
    record += RECORD_BYTES;
  }
  return true;
}

/** Waits until a counter has reached `target`; false when a thread has failed or nothing moves any more. */
function reaches(counter: usize, target: i32): bool {
  for (let i = 0; i < SPINS; i++) if (atomic.load<i32>(counter) >= target) return true;
  let slices = 0;
  let since = now();
  let before = heartbeats();
  for (;;) {
    const seen = atomic.load<i32>(counter);
    if (seen >= target) return true;
    if (atomic.load<i32>(FAILED) != 0) return false;
    if (atomic.wait<i32>(counter, seen, SLICE) != 2) continue;
    const beats = heartbeats();
    if (beats != before) {
      before = beats;
      slices = 0;
      since = now();
      continue;
    }
    if (++slices < LEAST_SLICES || now() - since < load<i32>(PATIENCE)) continue;
    atomic.store<i32>(FAILED, 1);
    return false;
  }
}

function heartbeats(): i32 {
  const threads = load<i32>(THREADS);
  let sum = 0;
  for (let i = 0; i < threads; i++) sum += atomic.load<i32>(HEARTBEATS + (<usize>i << 6));
  return sum;
}
