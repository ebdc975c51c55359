import { Inference } from './inference';
import { run as runAll, serve as serveAll } from './scheduler';

/** The module that makes images. */
export function run(): bool {
  return runAll<Inference>();
}

export function serve(thread: i32): void {
  serveAll<Inference>(thread);
}
