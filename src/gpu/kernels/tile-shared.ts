import type { TileCode, TileParts } from './contraction';
import { repeat } from './kernel';
import { store } from './tile-subgroup';

/** Rows and columns of a workgroup, and the depth staged at a time. */
const EDGE = 64;
const DEPTH = 16;
const THREADS = 64;

/**
 * A workgroup stages 64 x 16 of A and 16 x 64 of B in shared memory; each of its 64 threads keeps 8 x 8 results.
 * A value of A is normalised and activated once, as it is staged.
 */
export function sharedTile({ mode, weights, sources, prologue }: TileParts): TileCode {
  if (mode === 'winograd') throw new Error('shared tiles have no Winograd form');
  const vectorsA = DEPTH / 4;
  const vectorsB = EDGE / 4;
  const loads = (EDGE * vectorsA) / THREADS;
  const value = sources === 2 ? 'select2(p, k)' : 'a[aBase + p * u.aStride + k]';
  const stageB = {
    f32: `
      for (var j = 0u; j < 4u; j++) {
        let kRow = 4u * k0 + j * 4u + t / ${vectorsB}u;
        let inside = kRow < 4u * u.depth && columnB < u.columns;
        var v = vec4f();
        if (inside) { v = b[bBase + (tap * 4u * u.depth + kRow) * u.bStride + columnB]; }
        stagedB[(j * 4u + t / ${vectorsB}u) * ${vectorsB}u + t % ${vectorsB}u] = v;
      }`,
    f16: `
      for (var j = 0u; j < 2u; j++) {
        let pair = j * 4u + t / ${vectorsB}u;
        let kRow = 4u * k0 + 2u * pair;
        let inside = kRow < 4u * u.depth && columnB < u.columns;
        var h = vec4u();
        if (inside) { h = b[bBase + (tap * 2u * u.depth + kRow / 2u) * u.bStride + columnB]; }
        let x = unpack2x16float(h.x); let y = unpack2x16float(h.y); let z = unpack2x16float(h.z); let w = unpack2x16float(h.w);
        stagedB[2u * pair * ${vectorsB}u + t % ${vectorsB}u] = vec4f(x.x, y.x, z.x, w.x);
        stagedB[(2u * pair + 1u) * ${vectorsB}u + t % ${vectorsB}u] = vec4f(x.y, y.y, z.y, w.y);
      }`,
    transposed: `
      {
        let k = k0 + t / ${vectorsB}u;
        let inside = k < u.depth && columnB < u.columns;
        let at = bBase + 4u * columnB * u.bColumn + k;
        var q: array<vec4f, 4>;
        for (var c = 0u; c < 4u; c++) { if (inside) { q[c] = b[at + c * u.bColumn]; } }
        for (var r = 0u; r < 4u; r++) {
          stagedB[(t / ${vectorsB}u * 4u + r) * ${vectorsB}u + t % ${vectorsB}u] = vec4f(q[0][r], q[1][r], q[2][r], q[3][r]);
        }
      }`,
  }[weights];
  const sums = (each: (i: number, j: number) => string) => repeat(8, (i) => repeat(2, (j) => each(i, j), ' '));
  return {
    size: { rows: EDGE, columns: EDGE },
    body: `
var<workgroup> stagedA: array<vec4f, ${EDGE * vectorsA}>;
var<workgroup> stagedB: array<vec4f, ${DEPTH * vectorsB}>;
${
  sources === 2
    ? `fn select2(p: u32, k: u32) -> vec4f {
  if (k < u.depth1) { return a[p * u.aStride + k]; }
  return a2[p * (u.depth - u.depth1) + k - u.depth1];
}`
    : ''
}
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) t: u32) {
  let m0 = group.y * ${EDGE}u;
  let n0 = group.x * ${vectorsB}u;
  let image = group.z / u.heads;
  let head = group.z % u.heads;
  let aBase = u.aBase + image * u.aImage + head * u.aHead;
  let bBase = u.bBase + image * u.bImage + head * u.bHead;
  let columnB = n0 + t % ${vectorsB}u;
  let rowA = t / ${vectorsA}u;
  let firstRow = t / 8u * 8u;
  ${sums((i, j) => `var c${i}_${j} = vec4f();`)}
  for (var tap = 0u; tap < u.taps; tap++) {
    ${repeat(loads, (l) => `let row${l} = m0 + rowA + ${l * (THREADS / vectorsA)}u; let r${l} = select(-1, place(min(row${l}, u.rows - 1u), tap), row${l} < u.rows);`)}
    for (var k0 = 0u; k0 < u.depth; k0 += ${vectorsA}u) {
      let k = k0 + t % ${vectorsA}u;
      ${repeat(
        loads,
        (l) => `{
        var v = vec4f();
        if (r${l} >= 0 && k < u.depth) {
          let p = u32(r${l});
          v = ${prologue ? `prepare(${value}, affineAt(row${l} / (u.outWidth * u.outHeight), k))` : value};
        }
        stagedA[(rowA + ${l * (THREADS / vectorsA)}u) * ${vectorsA}u + t % ${vectorsA}u] = v;
      }`,
      )}
      ${stageB}
      workgroupBarrier();
      for (var q = 0u; q < ${vectorsA}u; q++) {
        ${repeat(8, (i) => `let x${i} = stagedA[(firstRow + ${i}u) * ${vectorsA}u + q];`)}
        ${repeat(
          4,
          (k) => `{
          let w0 = stagedB[(4u * q + ${k}u) * ${vectorsB}u + t % 8u];
          let w1 = stagedB[(4u * q + ${k}u) * ${vectorsB}u + 8u + t % 8u];
          ${sums((i, j) => `c${i}_${j} = fma(vec4f(x${i}.${'xyzw'[k]}), w${j}, c${i}_${j});`)} }`,
        )}
      }
      workgroupBarrier();
    }
  }
  let m = m0 + firstRow;
  ${store(8, 2, false, 'vec4f', (j) => `n0 + ${8 * j}u + t % 8u`).replaceAll('m0 + i', 'm + i')}
}`,
  };
}
