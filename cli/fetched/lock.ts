import { linkSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname, uptime } from 'node:os';
import * as v from 'valibot';
import { InnateError } from '../../src/lib/errors';
import { removeWhenInterrupted } from '../interrupt';

const OWNER = v.object({ pid: v.number(), host: v.string() });

/** Milliseconds in which a process that made a lock has written its name into it. */
const MAKING_MS = 5000;

/**
 * Takes a lock file, which names its process, and returns what gives it back. That of a process that is gone is taken
 * over; throws an `io` error while another one lives. `what` is what the other one does.
 */
export function takeLock(path: string, what: string): () => void {
  for (let attempts = 0; ; attempts++) {
    try {
      writeFileSync(path, JSON.stringify({ pid: process.pid, host: hostname() }), { flag: 'wx' });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
        throw new InnateError('io', 'cannot write the file', { where: path }, error);
    }
    const held = readLock(path);
    if (held === null) continue; // given back meanwhile
    if (held.alive || attempts > 8)
      throw new InnateError('io', `another process ${what}`, {
        where: path,
        found: held.by,
        hint: 'Wait for it, or delete this file if there is no such process',
      });
    takeAway(path, held.text);
  }
  const settled = removeWhenInterrupted(path);
  return () => {
    rmSync(path, { force: true });
    settled();
  };
}

function readLock(path: string): { text: string; by: string; alive: boolean } | null {
  let text: string;
  let time: number;
  try {
    text = readFileSync(path, 'utf8');
    time = statSync(path).mtimeMs;
  } catch {
    return null;
  }
  const parsed = v.safeParse(OWNER, json(text));
  if (!parsed.success) return { text, by: 'no name', alive: Date.now() - time < MAKING_MS };
  const { pid, host } = parsed.output;
  // Another machine's processes cannot be asked after; before the last start of this one, all were others.
  const here = host === hostname();
  const before = time < Date.now() - uptime() * 1000 - 1000;
  return { text, by: `process ${pid} on ${host}`, alive: !here || (!before && isRunning(pid)) };
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Removes a lock of that text; one that somebody else has put in its place meanwhile is put back. */
function takeAway(path: string, text: string): void {
  const aside = `${path}.${process.pid}.tmp`;
  try {
    renameSync(path, aside);
    if (readFileSync(aside, 'utf8') !== text) linkSync(aside, path);
  } catch {
    // Another process was faster; the next attempt sees what it left.
  }
  rmSync(aside, { force: true });
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
