import { rmSync } from 'node:fs';
import { constants } from 'node:os';

/** Ctrl-C, kill, and a terminal that closes. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
type Signal = (typeof SIGNALS)[number];

const takers: ((signal: Signal) => void)[] = [];
const temporaries = new Set<string>();
let listening = false;

/** Until the returned function is called, an interruption is told to `taker` instead of ending the process. */
export function onInterrupt(taker: (signal: Signal) => void): () => void {
  listen();
  takers.push(taker);
  return () => void takers.splice(takers.indexOf(taker), 1);
}

/** Until the returned function is called, an interruption that ends the process removes this file or folder first. */
export function removeWhenInterrupted(path: string): () => void {
  listen();
  temporaries.add(path);
  return () => void temporaries.delete(path);
}

/** Ends the process as the signal would have, with nothing half-written left behind. */
export function endProcess(signal: Signal): never {
  for (const path of temporaries) rmSync(path, { recursive: true, force: true });
  process.exit(128 + constants.signals[signal]);
}

/**
 * Once there has been something at stake the listeners stay: a signal that comes while synchronous work goes on is
 * told after it, and would be lost if nobody listened then.
 */
function listen(): void {
  if (listening) return;
  listening = true;
  for (const signal of SIGNALS)
    process.on(signal, () => {
      const taker = takers.at(-1);
      if (taker) taker(signal);
      else endProcess(signal);
    });
}
