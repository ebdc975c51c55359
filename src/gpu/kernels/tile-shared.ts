import type { TileCode, TileParts } from './contraction';
import { repeat } from './kernel';
import { store } from './tile-results';

/** Threads of a workgroup as 8 x 8, and the depth (in vectors) staged at a time. */
const SIDE = 8;
const THREADS = SIDE * SIDE;
const DEPTH = 4;

/**
 * A workgroup stages 16 columns of A and 16 rows of B in shared memory; each of its 8 x 8 threads keeps `rows` by
 * `vectors` x 4 results. A value of A is normalised and activated once, as it is staged.
 */
export function sharedTile(
  { mode, weights, sources, prologue }: TileParts,
  { rows, vectors }: { rows: number; vectors: number },
): TileCode {
  if (mode === 'winograd') throw new Error('shared tiles have no Winograd form');
  const height = SIDE * rows;
  const width = SIDE * vectors;
  const loads = (height * DEPTH) / THREADS;
  const rowOf = (load: number) => `t / ${DEPTH}u + ${(load * THREADS) / DEPTH}u`;
  const value = sources === 2 ? 'joined(p, k)' : 'a[aBase + p * u.aStride + k]';
  const sums = (each: (i: number, j: number) => string) =>
    repeat(rows, (i) => repeat(vectors, (j) => each(i, j), ' '));
  const column = `let column = n0 + e % ${width}u;`;
  const stageB = {
    f32: `
      for (var e = t; e < ${4 * DEPTH * width}u; e += ${THREADS}u) {
        ${column}
        let k = 4u * k0 + e / ${width}u;
        var v = vec4f();
        if (k < 4u * u.depth && column < u.columns) { v = b[bBase + (tap * 4u * u.depth + k) * u.bStride + column]; }
        stagedB[e] = v;
      }`,
    f16: `
      for (var e = t; e < ${2 * DEPTH * width}u; e += ${THREADS}u) {
        ${column}
        let pair = 2u * k0 + e / ${width}u;
        var h = vec4u();
        if (pair < 2u * u.depth && column < u.columns) { h = b[bBase + (tap * 2u * u.depth + pair) * u.bStride + column]; }
        let x = unpack2x16float(h.x); let y = unpack2x16float(h.y); let z = unpack2x16float(h.z); let w = unpack2x16float(h.w);
        let at = 2u * (e / ${width}u) * ${width}u + e % ${width}u;
        stagedB[at] = vec4f(x.x, y.x, z.x, w.x);
        stagedB[at + ${width}u] = vec4f(x.y, y.y, z.y, w.y);
      }`,
    transposed: `
      for (var e = t; e < ${DEPTH * width}u; e += ${THREADS}u) {
        ${column}
        let k = k0 + e / ${width}u;
        let at = bBase + 4u * column * u.bColumn + k;
        var q: array<vec4f, 4>;
        for (var c = 0u; c < 4u; c++) { if (k < u.depth && column < u.columns) { q[c] = b[at + c * u.bColumn]; } }
        for (var r = 0u; r < 4u; r++) {
          stagedB[(e / ${width}u * 4u + r) * ${width}u + e % ${width}u] = vec4f(q[0][r], q[1][r], q[2][r], q[3][r]);
        }
      }`,
  }[weights];
  return {
    size: { rows: height, columns: 4 * width },
    body: `
var<workgroup> stagedA: array<vec4f, ${height * DEPTH}>;
var<workgroup> stagedB: array<vec4f, ${4 * DEPTH * width}>;
${
  sources === 2
    ? `fn joined(p: u32, k: u32) -> vec4f {
  if (k < u.depth1) { return a[p * u.aStride + k]; }
  return a2[p * (u.depth - u.depth1) + k - u.depth1];
}`
    : ''
}
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) t: u32) {
  let tile0 = group.y * ${height}u;
  let n0 = group.x * ${width}u;
  let image = group.z / u.heads;
  let head = group.z % u.heads;
  let aBase = u.aBase + image * u.aImage + head * u.aHead;
  let bBase = u.bBase + image * u.bImage + head * u.bHead;
  let own = t / ${SIDE}u * ${rows}u;
  let m0 = tile0 + own;
  ${sums((i, j) => `var c${i}_${j} = vec4f();`)}
  for (var tap = 0u; tap < u.taps; tap++) {
    var places: array<i32, ${loads}>;
    for (var l = 0u; l < ${loads}u; l++) {
      let row = tile0 + t / ${DEPTH}u + l * ${THREADS / DEPTH}u;
      places[l] = select(-1, place(min(row, u.rows - 1u), tap), row < u.rows);
    }
    ${repeat(loads, (l) => `let r${l} = places[${l}];`)}
    for (var k0 = 0u; k0 < u.depth; k0 += ${DEPTH}u) {
      let k = k0 + t % ${DEPTH}u;
      ${repeat(
        loads,
        (l) => `{
        var v = vec4f();
        if (r${l} >= 0 && k < u.depth) {
          let p = u32(r${l});
          v = ${prologue ? `prepare(${value}, affineAt((tile0 + ${rowOf(l)}) / (u.outWidth * u.outHeight), k))` : value};
        }
        stagedA[(${rowOf(l)}) * ${DEPTH}u + t % ${DEPTH}u] = v;
      }`,
      )}
      ${stageB}
      workgroupBarrier();
      for (var q = 0u; q < ${DEPTH}u; q++) {
        ${repeat(rows, (i) => `let x${i} = stagedA[(own + ${i}u) * ${DEPTH}u + q];`)}
        ${repeat(
          4,
          (k) => `{
          ${repeat(vectors, (j) => `let w${j} = stagedB[(4u * q + ${k}u) * ${width}u + ${SIDE * j}u + t % ${SIDE}u];`)}
          ${sums((i, j) => `c${i}_${j} = fma(vec4f(x${i}.${'xyzw'[k]}), w${j}, c${i}_${j});`)} }`,
        )}
      }
      workgroupBarrier();
    }
  }
  ${store(rows, vectors, false, 'vec4f', (j) => `n0 + ${SIDE * j}u + t % ${SIDE}u`)}
}`,
  };
}
