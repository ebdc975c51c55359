import { readFileSync } from 'node:fs';

/** The most memory that a process has had so far, in bytes; Linux alone says it. 0 where it has just ended. */
export function peakMemory(pid: number): number {
  try {
    const kilobytes = /VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0;
    return Number(kilobytes) * 1024;
  } catch {
    return 0;
  }
}

/** Follows a process to its end; `stop` gives the most memory that it has had, in bytes. */
export function watchMemory(pid: number): { stop(): number } {
  let peak = 0;
  const timer = setInterval(() => {
    peak = Math.max(peak, peakMemory(pid));
  }, 50);
  return {
    stop() {
      clearInterval(timer);
      return peak;
    },
  };
}
