import type { Dispatch, Scratch } from './dispatch';

/** Memory for scratch buffers: each lives from the first dispatch that names it to the last. */
export interface SlotPlan {
  /** Bytes of each slot. */
  slots: readonly number[];
  /** Slot of each scratch buffer, by id; -1 for one that no dispatch uses. */
  slotOf: readonly number[];
}

/**
 * Gives every scratch buffer a slot that no other living one has. A slot is a GPU buffer of its own, because a
 * dispatch may not read and write one buffer, not even in different places. `pinned` live throughout: inputs are
 * written before the first dispatch, outputs read after the last.
 */
export function assignSlots(
  dispatches: readonly Dispatch[],
  scratch: readonly Scratch[],
  pinned: { inputs: ReadonlySet<Scratch>; outputs: ReadonlySet<Scratch> },
): SlotPlan {
  const last = new Map<Scratch, number>();
  for (const [at, dispatch] of dispatches.entries())
    for (const operand of dispatch.operands)
      if (operand !== 'nothing' && 'scratch' in operand) last.set(operand.scratch, at);
  for (const output of pinned.outputs) last.set(output, dispatches.length);

  const slots: number[] = [];
  const slotOf = scratch.map(() => -1);
  let free: number[] = [];
  const place = (buffer: Scratch) => {
    if (slotOf[buffer.id] !== -1) return;
    const slot = bestSlot(free, slots, buffer.bytes);
    free = free.filter((s) => s !== slot);
    slots[slot] = Math.max(slots[slot] ?? 0, buffer.bytes);
    slotOf[buffer.id] = slot;
  };
  for (const input of pinned.inputs) place(input);
  for (const [at, { operands }] of dispatches.entries()) {
    const used = operands.flatMap((o) => (o !== 'nothing' && 'scratch' in o ? [o.scratch] : []));
    for (const buffer of used) place(buffer);
    for (const buffer of new Set(used)) if (last.get(buffer) === at) free.push(slotOf[buffer.id]!);
  }
  return { slots, slotOf };
}

/** The smallest free slot that fits, else the largest to grow, else a new one. */
function bestSlot(free: readonly number[], slots: readonly number[], bytes: number): number {
  let best = -1;
  for (const slot of free) {
    const size = slots[slot]!;
    if (best === -1) best = slot;
    else if (size >= bytes ? slots[best]! < bytes || size < slots[best]! : slots[best]! < size) best = slot;
  }
  return best === -1 ? slots.length : best;
}
