import { repeat } from './kernel';
import type { TileCode, TileParts } from './tile';
import { fold, store } from './tile-results';

const WORKGROUP = [4, 8] as const;

/**
 * Every thread keeps `rows` pixels by `vectors` x 4 channels in registers and reads both factors from storage:
 * no shared memory, no feature. Large tiles amortise the loads. Rows are placed in a loop: unrolled, the divisions
 * alone take SwiftShader's compiler seconds.
 */
export function registerTile(
  { mode, weights, sources, narrow }: TileParts,
  tile: { rows: number; vectors: number },
): TileCode {
  // The last image has one vector: nothing to share among columns.
  const [wide, high] = narrow ? [1, 32] : WORKGROUP;
  const vectors = narrow ? 1 : tile.vectors;
  const { rows } = tile;
  const winograd = mode === 'winograd';
  const sums = (each: (i: number, j: number) => string) =>
    repeat(rows, (i) => repeat(vectors, (j) => each(i, j), ' '));
  const fma = (k: number, b: (j: number) => string) =>
    sums((i, j) => `c${i}_${j} = fma(vec4f(x${i}.${'xyzw'[k]}), ${b(j)}, c${i}_${j});`);

  const column = (j: number) => `min(n${j}, u.columns - 1u)`;
  const products = {
    f32: repeat(
      4,
      (k) => `{ ${repeat(vectors, (j) => `let w${j} = b[bAt${j} + ${k}u * u.bStride];`, ' ')}
        ${fma(k, (j) => `w${j}`)} }`,
    ),
    f16: repeat(
      2,
      (
        pair,
      ) => `{ ${repeat(vectors, (j) => `let h${j} = b[bAt${j} + ${pair}u * u.bStride]; let l${j} = unpack(h${j}, 0u); let m${j} = unpack(h${j}, 1u);`, ' ')}
        ${fma(2 * pair, (j) => `l${j}`)}
        ${fma(2 * pair + 1, (j) => `m${j}`)} }`,
    ),
    transposed: repeat(
      vectors,
      (j) => `{ ${repeat(4, (q) => `let t${q} = b[bAt${j} + ${q}u * u.bColumn];`, ' ')}
        ${repeat(rows, (i) => `c${i}_${j} += vec4f(dot(x${i}, t0), dot(x${i}, t1), dot(x${i}, t2), dot(x${i}, t3));`)} }`,
    ),
  };
  const advance = { f32: '4u * u.bStride', f16: '2u * u.bStride', transposed: '1u' };
  const part = (source: string, base: string, stride: string, count: string) => `{
      ${repeat(rows, (i) => `let p${i} = ${base} + u32(max(r${i}, 0)) * ${stride};`)}
      for (var k = 0u; k < ${count}; k++) {
        ${repeat(rows, (i) => `let x${i} = select(vec4f(), ${source}[p${i} + k], r${i} >= 0);`)}
        ${products[weights]}
        ${repeat(vectors, (j) => `bAt${j} += ${advance[weights]};`, ' ')}
      } }`;
  const depth = weights === 'f16' ? '2u' : '4u';
  const start = (j: number) =>
    weights === 'transposed'
      ? `bBase + tapOf(tap) * u.bTap + 4u * ${column(j)} * u.bColumn`
      : `bBase + tap * (u.depth * ${depth}) * u.bStride + ${column(j)}`;
  return {
    size: { rows: rows * high, columns: 4 * vectors * wide },
    body: `
fn unpack(h: vec4u, which: u32) -> vec4f {
  return vec4f(unpack2x16float(h.x)[which], unpack2x16float(h.y)[which], unpack2x16float(h.z)[which], unpack2x16float(h.w)[which]);
}
@compute @workgroup_size(${wide}, ${high})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  enter(group.z);
  let m0 = (group.y * ${high}u + local.y) * ${rows}u;
  let image = group.z / u.heads;
  let head = group.z % u.heads;
  ${repeat(vectors, (j) => `let n${j} = group.x * ${wide * vectors}u + ${j * wide}u + local.x;`)}
  let aBase = u.aBase + image * u.aImage + head * u.aHead;
  let bBase = u.bBase + image * u.bImage + head * u.bHead;
  ${winograd ? sums((i, j) => repeat(4, (c) => `var y${i}_${j}_${c} = vec4f();`, ' ')) : ''}
  ${winograd ? '' : sums((i, j) => `var c${i}_${j} = vec4f();`)}
  for (var tap = 0u; tap < u.taps; tap++) {
    ${winograd ? sums((i, j) => `var c${i}_${j} = vec4f();`) : ''}
    var places: array<i32, ${rows}>;
    for (var i = 0u; i < ${rows}u; i++) { places[i] = place(min(m0 + i, u.rows - 1u), tap); }
    ${repeat(rows, (i) => `let r${i} = places[${i}];`)}
    ${repeat(vectors, (j) => `var bAt${j} = ${start(j)};`)}
    ${part('a', 'aBase', 'u.aStride', 'u.depth1')}
    ${sources === 2 ? part('a2', '0u', '(u.depth - u.depth1)', '(u.depth - u.depth1)') : ''}
    ${winograd ? fold(rows, vectors) : ''}
  }
  ${store(rows, vectors, winograd, 'vec4f', (j) => `n${j}`)}
}`,
  };
}
