import { placeBuffers, type Buffer as Span } from '../../arena';
import { ALIGN, type Call, type Room, type View } from './program';

/** Where the rooms of a program lie: in buffers that each hold many of them. */
export interface Banks {
  /** Bytes of each buffer. */
  sizes: readonly number[];
  places: ReadonlyMap<Room, { bank: number; offset: number }>;
}

/**
 * Plans the memory of everything that does not outlive a step. A dispatch may not read and write the same buffer, not even
 * in different places: rooms are divided among banks so that none does, and within a bank those in use at different times
 * share memory. `given` are filled before the first call, `read` are read after the last.
 */
export function planBanks(calls: readonly Call[], given: readonly View[], read: readonly View[]): Banks {
  const conflicts = new Map<Room, Set<Room>>();
  const spans = new Map<Room, Span>();
  const use = ({ room }: View, at: number) => {
    if (room.kept) return;
    const span = spans.get(room);
    if (span) span.last = at;
    else spans.set(room, { bytes: room.bytes, first: at, last: at });
  };
  const conflict = (a: Room, b: Room) => {
    conflicts.set(a, (conflicts.get(a) ?? new Set()).add(b));
    conflicts.set(b, (conflicts.get(b) ?? new Set()).add(a));
  };
  for (const view of given) use(view, -1);
  for (const [at, { kernel, operands }] of calls.entries()) {
    for (const operand of operands) if (operand) use(operand, at);
    const written = operands.filter((_, i) => kernel.writes.includes(kernel.bindings[i]!));
    for (const out of written)
      for (const operand of operands)
        if (out && operand && !written.includes(operand) && !out.room.kept && !operand.room.kept)
          conflict(out.room, operand.room);
  }
  for (const view of read) use(view, calls.length);

  const banks: Room[][] = [];
  const bankOf = new Map<Room, number>();
  for (const room of spans.keys()) {
    const taken = new Set(Array.from(conflicts.get(room) ?? [], (other) => bankOf.get(other)));
    let bank = 0;
    while (taken.has(bank)) bank++;
    bankOf.set(room, bank);
    banks[bank] = [...(banks[bank] ?? []), room];
  }
  const places = new Map<Room, { bank: number; offset: number }>();
  const sizes = banks.map((rooms, bank) => {
    const { offsets, bytes } = placeBuffers(
      rooms.map((room) => spans.get(room)!),
      ALIGN,
    );
    for (const [i, room] of rooms.entries()) places.set(room, { bank, offset: offsets[i]! });
    return bytes;
  });
  return { sizes, places };
}
