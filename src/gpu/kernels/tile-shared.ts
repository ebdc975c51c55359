import type { Tile } from '../traits';
import { repeat } from './kernel';
import type { TileCode, TileParts } from './tile';
import { store } from './tile-results';

type SharedTile = Extract<Tile, { kind: 'shared' }>;

/** Threads of a workgroup as 8 x 8, and the depth (in vectors) staged at a time. */
const SIDE = 8;
const THREADS = SIDE * SIDE;
const DEPTH = 4;

/** What the parts of the kernel have in common. */
interface Shape {
  rows: number;
  vectors: number;
  /** Rows and vectors of the workgroup's tile. */
  height: number;
  width: number;
  /** Both factors are staged as halves. */
  half: boolean;
  /** Type of a staged vector. */
  staged: 'vec4h' | 'vec4f';
}

/**
 * A workgroup stages 16 columns of A and 16 rows of B in shared memory; each of its 8 x 8 threads keeps `rows` by
 * `vectors` x 4 results. A value of A is normalised and activated once, in float32, as it is staged.
 *
 * In float16 arithmetic both factors are staged as halves, and the 16 products of a stage are summed as halves
 * before the float32 sums take them in: longer sums of halves would lose digits, shorter ones would spend what the
 * faster multiplications save. Where a value or a sum passes 65504 it becomes infinite, and the result tells.
 */
export function sharedTile(
  { mode, weights, sources, prologue }: TileParts,
  { rows, vectors, arithmetic }: SharedTile,
): TileCode {
  if (mode === 'winograd') throw new Error('shared tiles have no Winograd form');
  const half = arithmetic === 'f16';
  const staged = half ? 'vec4h' : 'vec4f';
  const shape: Shape = { rows, vectors, height: SIDE * rows, width: SIDE * vectors, half, staged };
  const { height, width } = shape;
  const loads = (height * DEPTH) / THREADS;
  return {
    size: { rows: height, columns: 4 * width },
    directives: half ? 'enable f16;' : '',
    body: `
var<workgroup> stagedA: array<${staged}, ${height * DEPTH}>;
var<workgroup> stagedB: array<${staged}, ${4 * DEPTH * width}>;
${sources === 2 ? JOINED : ''}
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) t: u32) {
  enter(group.z);
  let tile0 = group.y * ${height}u;
  let n0 = group.x * ${width}u;
  let image = group.z / u.heads;
  let head = group.z % u.heads;
  let aBase = u.aBase + image * u.aImage + head * u.aHead;
  let bBase = u.bBase + image * u.bImage + head * u.bHead;
  let own = t / ${SIDE}u * ${rows}u;
  let m0 = tile0 + own;
  ${each(shape, (i, j) => `var c${i}_${j} = vec4f();`)}
  for (var tap = 0u; tap < u.taps; tap++) {
    var places: array<i32, ${loads}>;
    for (var l = 0u; l < ${loads}u; l++) {
      let row = tile0 + t / ${DEPTH}u + l * ${THREADS / DEPTH}u;
      places[l] = select(-1, place(min(row, u.rows - 1u), tap), row < u.rows);
    }
    ${repeat(loads, (l) => `let r${l} = places[${l}];`)}
    for (var k0 = 0u; k0 < u.depth; k0 += ${DEPTH}u) {
      let k = k0 + t % ${DEPTH}u;
      ${stageA(loads, staged, sources, prologue !== null)}
      ${stageB(weights, shape)}
      workgroupBarrier();
      ${multiply(shape)}
      workgroupBarrier();
    }
  }
  ${store(rows, vectors, false, 'vec4f', (j) => `n0 + ${SIDE * j}u + t % ${SIDE}u`)}
}`,
  };
}

/** Two sources side by side, as one of `u.depth` vectors. */
const JOINED = `fn joined(p: u32, k: u32) -> vec4f {
  if (k < u.depth1) { return a[p * u.aStride + k]; }
  return a2[p * (u.depth - u.depth1) + k - u.depth1];
}`;

/** A piece of code for each of a thread's results. */
const each = ({ rows, vectors }: Shape, code: (i: number, j: number) => string): string =>
  repeat(rows, (i) => repeat(vectors, (j) => code(i, j), ' '));

/** Each thread's share of A at `k`: rows `r0`, `r1`, ..., where these are within it, normalised and activated. */
function stageA(loads: number, staged: string, sources: 1 | 2, prologue: boolean): string {
  const rowOf = (load: number) => `t / ${DEPTH}u + ${(load * THREADS) / DEPTH}u`;
  const value = sources === 2 ? 'joined(p, k)' : 'a[aBase + p * u.aStride + k]';
  return repeat(
    loads,
    (l) => `{
        var v = vec4f();
        if (r${l} >= 0 && k < u.depth) {
          let p = u32(r${l});
          v = ${prologue ? `prepare(${value}, affineAt((tile0 + ${rowOf(l)}) / (u.outWidth * u.outHeight), k))` : value};
        }
        stagedA[(${rowOf(l)}) * ${DEPTH}u + t % ${DEPTH}u] = ${staged}(v);
      }`,
  );
}

/** Each thread's share of B from `k0` on, as it is stored: float32, pairs of halves, or float32 with the depth last. */
function stageB(weights: TileParts['weights'], { width, half, staged }: Shape): string {
  const column = `let column = n0 + e % ${width}u;`;
  switch (weights) {
    case 'f32':
      return `
      for (var e = t; e < ${4 * DEPTH * width}u; e += ${THREADS}u) {
        ${column}
        let k = 4u * k0 + e / ${width}u;
        var v = vec4f();
        if (k < 4u * u.depth && column < u.columns) { v = b[bBase + (tap * 4u * u.depth + k) * u.bStride + column]; }
        stagedB[e] = ${staged}(v);
      }`;
    case 'f16': {
      // Not bitcast<vec2h>, which Firefox's compiler does not know; what a packed half becomes is the same.
      const pair = (word: string) => (half ? `vec2h(unpack2x16float(${word}))` : `unpack2x16float(${word})`);
      return `
      for (var e = t; e < ${2 * DEPTH * width}u; e += ${THREADS}u) {
        ${column}
        let pair = 2u * k0 + e / ${width}u;
        var h = vec4u();
        if (pair < 2u * u.depth && column < u.columns) { h = b[bBase + (tap * 2u * u.depth + pair) * u.bStride + column]; }
        let x = ${pair('h.x')}; let y = ${pair('h.y')}; let z = ${pair('h.z')}; let w = ${pair('h.w')};
        let at = 2u * (e / ${width}u) * ${width}u + e % ${width}u;
        stagedB[at] = ${staged}(x.x, y.x, z.x, w.x);
        stagedB[at + ${width}u] = ${staged}(x.y, y.y, z.y, w.y);
      }`;
    }
    case 'transposed':
      return `
      for (var e = t; e < ${DEPTH * width}u; e += ${THREADS}u) {
        ${column}
        let k = k0 + e / ${width}u;
        let at = bBase + tapOf(tap) * u.bTap + 4u * column * u.bColumn + k;
        var q: array<vec4f, 4>;
        for (var c = 0u; c < 4u; c++) { if (k < u.depth && column < u.columns) { q[c] = b[at + c * u.bColumn]; } }
        for (var r = 0u; r < 4u; r++) {
          stagedB[(e / ${width}u * 4u + r) * ${width}u + e % ${width}u] = ${staged}(vec4f(q[0][r], q[1][r], q[2][r], q[3][r]));
        }
      }`;
  }
}

/** A stage's products, summed into the thread's results; those of halves become float32 once a stage. */
function multiply(shape: Shape): string {
  const { rows, vectors, width, half, staged } = shape;
  const sum = half ? 'h' : 'c';
  return `${half ? each(shape, (i, j) => `var h${i}_${j} = vec4h();`) : ''}
      for (var q = 0u; q < ${DEPTH}u; q++) {
        ${repeat(rows, (i) => `let x${i} = stagedA[(own + ${i}u) * ${DEPTH}u + q];`)}
        ${repeat(
          4,
          (k) => `{
          ${repeat(vectors, (j) => `let w${j} = stagedB[(4u * q + ${k}u) * ${width}u + ${SIDE * j}u + t % ${SIDE}u];`)}
          ${each(shape, (i, j) => `${sum}${i}_${j} = fma(${staged}(x${i}.${'xyzw'[k]}), w${j}, ${sum}${i}_${j});`)} }`,
        )}
      }
      ${half ? each(shape, (i, j) => `c${i}_${j} += vec4f(h${i}_${j});`) : ''}`;
}
