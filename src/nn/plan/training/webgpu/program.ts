import { inHalves } from '../../../../gpu/kernels/halves';
import type { Kernel } from '../../../../gpu/kernels/kernel';

/** Memory of a program: what is kept has buffers of its own, everything else shares banks by lifetime. */
export interface Room {
  bytes: number;
  kept: boolean;
}

/** Part of a room, in bytes. A binding begins at multiples of 256. */
export interface View {
  room: Room;
  offset: number;
  bytes: number;
  /** Where it holds float16 in place of float32: as the kernels' `Halves` have it. */
  half?: number;
}

/** One kernel call; operands in the order of the kernel's bindings, null where it reads nothing. */
export interface Call {
  kernel: Kernel;
  operands: readonly (View | null)[];
  uniforms: Readonly<Record<string, number>>;
  grid: readonly [number, number, number];
}

/** Where bindings may begin, and how far apart values lie that share a room. */
export const ALIGN = 256;
/** Bytes rounded up to where the next binding may begin. */
export const aligned = (bytes: number): number => Math.ceil(bytes / ALIGN) * ALIGN;

/** Small values that are kept share rooms of this size. */
const POOL_BYTES = 2 ** 24;

/** The calls of a step before memory is planned. */
export class Program {
  readonly calls: Call[] = [];
  /** What is made of frozen state, after that was written: from what is kept to what is kept. */
  readonly setup: Call[] = [];
  readonly kept: Room[] = [];
  /** What is written before the first step and never again. */
  readonly tables: { view: View; words: Float32Array | Uint32Array }[] = [];
  private pool: Room | null = null;

  /** Room for as many float32 values, at least four. */
  room(values: number, kept = false): Room {
    const room = { bytes: Math.max(16, Math.ceil(values / 4) * 16), kept };
    if (kept) this.kept.push(room);
    return room;
  }

  value(values: number, kept = false): View {
    return wholeView(this.room(values, kept));
  }

  /** Room for as many halves, a multiple of four, multiplied with 2^power. */
  halves(values: number, power: number): View {
    return { ...wholeView(this.room(values / 2)), half: power };
  }

  /** Kept values that share a room with others. */
  pooled(values: number): View {
    const bytes = Math.max(16, Math.ceil(values / 4) * 16);
    if (!this.pool || this.pool.bytes + bytes > POOL_BYTES) {
      this.pool = { bytes: 0, kept: true };
      this.kept.push(this.pool);
    }
    const view = { room: this.pool, offset: aligned(this.pool.bytes), bytes };
    this.pool.bytes = view.offset + bytes;
    return view;
  }

  table(words: Float32Array | Uint32Array): View {
    const view = this.pooled(words.length);
    this.tables.push({ view, words });
    return view;
  }
}

/** All of a room. */
export const wholeView = (room: Room): View => ({ room, offset: 0, bytes: room.bytes });

/**
 * The call with its kernel as its operands are stored. A shared-memory tile stages halves of a map as halves, and then the
 * weights too; of gradients, which are multiplied with a power of two, float32.
 */
export function asStored(call: Call): Call {
  const { kernel, operands } = call;
  const halves: Record<string, number> = {};
  for (const [i, name] of kernel.bindings.entries()) {
    const power = operands[i]?.half;
    if (power !== undefined) halves[name] = power;
  }
  if (halves.a !== undefined && kernel.code.includes('var<workgroup> stagedA'))
    Object.assign(halves, { stagedB: 0 }, halves.a === 0 && { stagedA: 0 });
  return { ...call, kernel: inHalves(kernel, halves) };
}
