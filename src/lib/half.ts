/**
 * IEEE 754 binary16 without Float16Array (absent from Node 20): a table for reading, round to nearest even
 * for writing.
 */
let table: Float32Array | undefined;

function halfTable(): Float32Array {
  if (table) return table;
  table = new Float32Array(65536);
  for (let h = 0; h < 65536; h++) {
    const sign = h & 0x8000 ? -1 : 1;
    const exponent = (h >> 10) & 31;
    const mantissa = h & 1023;
    if (exponent === 31) table[h] = mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
    else if (exponent === 0) table[h] = sign * mantissa * 2 ** -24;
    else table[h] = sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
  }
  return table;
}

/** The values of binary16 words; exact. */
export function halfToFloat(halves: Uint16Array, out = new Float32Array(halves.length)): Float32Array {
  const t = halfTable();
  for (let i = 0; i < halves.length; i++) out[i] = t[halves[i]!]!;
  return out;
}

/** Round to nearest, ties to even; |x| >= 65520 becomes infinity, NaN stays NaN. */
export function floatToHalf(floats: Float32Array, out = new Uint16Array(floats.length)): Uint16Array {
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  for (let i = 0; i < bits.length; i++) {
    const f = bits[i]!;
    const sign = (f >>> 16) & 0x8000;
    const abs = f & 0x7fffffff;
    if (abs >= 0x7f800000) out[i] = sign | (abs > 0x7f800000 ? 0x7e00 : 0x7c00);
    else if (abs >= 0x477ff000) out[i] = sign | 0x7c00;
    else if (abs >= 0x38800000) {
      // Normal half: drop 13 mantissa bits, rounding to even; a carry moves into the exponent by itself.
      const r = abs - 0x38000000;
      out[i] = sign | ((r + 0xfff + ((r >>> 13) & 1)) >>> 13);
    } else if (abs < 0x33000000) out[i] = sign;
    else {
      // Subnormal half: shift the 24-bit significand, rounding to even.
      const shift = 126 - (abs >>> 23);
      const significand = (abs & 0x7fffff) | 0x800000;
      const half = 1 << (shift - 1);
      let m = significand >>> shift;
      const rest = significand & ((1 << shift) - 1);
      if (rest > half || (rest === half && m & 1)) m++;
      out[i] = sign | m;
    }
  }
  return out;
}
