import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { DistilConfig } from '../src/distil/config';
import type { CurvePoint } from '../src/distil/curve';
import type { FreezeFacts } from '../src/distil/freeze';
import { counted, whole } from '../src/lib/words';
import { writeAtomic } from './files';

/** The first line of a log: what the run trains. The others are its points. */
export interface LogHead extends FreezeFacts {
  event: 'start';
  method: DistilConfig['method'];
}

/** What a run trains, in a line; and where freezing the mapping network too would spare it the way back through the encoder. */
export function freezeLine(facts: FreezeFacts): string {
  const { freeze, frozen, trained, parameters, shareTrained } = facts;
  return (
    `freeze ${freeze}: ${counted(frozen, 'parameter')} stay, ${counted(trained, 'parameter')} of ${whole(parameters)} train, ` +
    `${(100 * shareTrained).toFixed(1)} %${
      facts.throughFrozenEncoder
        ? '; each step still goes back through the frozen encoder, for the mapping network trains: freeze map_* too to spare that'
        : ''
    }`
  );
}

/** One flushed line: a run that is killed keeps every one. */
export function logLine(path: string, line: CurvePoint | LogHead): void {
  const fd = openSync(path, 'a');
  try {
    writeSync(fd, `${JSON.stringify(line)}\n`);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** The log of a run that goes on from `images`: lines after the saved state would come twice. */
export async function trimLog(path: string, images: number): Promise<void> {
  if (!existsSync(path)) return;
  const kept = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => {
      try {
        const said = JSON.parse(line) as CurvePoint | LogHead;
        return 'event' in said || said.images <= images;
      } catch {
        return false; // an unfinished line of a killed run
      }
    });
  await writeAtomic(path, [new TextEncoder().encode(kept.map((line) => `${line}\n`).join(''))]);
}
