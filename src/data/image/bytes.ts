/** Integers and text at any offset; bytes beyond the end read as zero, so callers check lengths first. */
export const bigEndian16 = (b: Uint8Array, at: number): number => ((b[at] ?? 0) << 8) | (b[at + 1] ?? 0);
export const bigEndian32 = (b: Uint8Array, at: number): number =>
  bigEndian16(b, at) * 65536 + bigEndian16(b, at + 2);
export const littleEndian16 = (b: Uint8Array, at: number): number => (b[at] ?? 0) | ((b[at + 1] ?? 0) << 8);
export const littleEndian24 = (b: Uint8Array, at: number): number =>
  littleEndian16(b, at) | ((b[at + 2] ?? 0) << 16);
export const littleEndian32 = (b: Uint8Array, at: number): number =>
  littleEndian16(b, at) + littleEndian16(b, at + 2) * 65536;

/** The text of at most `length` bytes, read as latin-1. */
export function ascii(b: Uint8Array, at: number, length: number): string {
  let text = '';
  for (let i = at; i < Math.min(at + length, b.length); i++) text += String.fromCharCode(b[i]!);
  return text;
}

/** The parts one after the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
