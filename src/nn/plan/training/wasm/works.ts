import type { CallList } from '../../../../simd/calls/list';
import { placeBuffers, type Buffer as Span } from '../../arena';

/** Memory of a program; its address is known when the program is written. */
export interface Room {
  bytes: number;
  /** Stays from run to run: state, what is made of frozen parameters, tables. */
  kept: boolean;
  at: number;
}

/** One piece of a program: kernel calls, or a computation of the host between two runs of calls. */
export interface Work {
  rooms: readonly Room[];
  /** Runs the first time only: what it makes depends on frozen parameters alone. */
  once: boolean;
  calls?: (list: CallList) => void;
  host?: (memory: ArrayBufferLike) => void;
}

/** A program before memory is planned. */
export class Works {
  readonly works: Work[] = [];
  private readonly kept: Room[] = [];
  private readonly passing = new Set<Room>();

  room(values: number, kept = false): Room {
    const room = { bytes: Math.ceil((4 * values) / 64) * 64, kept, at: 0 };
    if (kept) this.kept.push(room);
    else this.passing.add(room);
    return room;
  }

  add(work: Work): void {
    this.works.push(work);
  }

  /** Gives what is kept its addresses from `start` on; returns the end. */
  placeKept(start: number): number {
    let next = Math.ceil(start / 64) * 64;
    for (const room of this.kept) {
      room.at = next;
      next += room.bytes;
    }
    return next;
  }

  /**
   * Gives the other rooms their addresses from `start` on: those that are not in use at the same time share memory. `inputs`
   * are filled before the run, `results` are read after it. Returns the end.
   */
  placeArena(start: number, inputs: readonly Room[], results: readonly Room[]): number {
    const spans = new Map<Room, Span>();
    const use = (room: Room, at: number) => {
      if (room.kept) return;
      const span = spans.get(room);
      if (span) span.last = at;
      else spans.set(room, { bytes: room.bytes, first: at, last: at });
    };
    for (const room of inputs) use(room, -1);
    this.works.forEach(({ rooms }, i) => {
      for (const room of rooms) use(room, i);
    });
    for (const room of results) use(room, this.works.length);
    const { offsets, bytes } = placeBuffers([...spans.values()]);
    [...spans.keys()].forEach((room, i) => {
      room.at = start + offsets[i]!;
    });
    return start + bytes;
  }
}
