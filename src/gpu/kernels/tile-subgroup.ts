import { repeat } from './kernel';
import type { TileCode, TileParts } from './tile';
import { fold, store } from './tile-results';

const ROWS = 16;

/**
 * One subgroup a workgroup: 16 rows by `vectors` columns a lane. Each lane loads one value of A for all, which
 * `subgroupBroadcast` hands out for the price of a multiplication; B is read straight by its column.
 */
export function subgroupTile({ mode, weights, sources, narrow }: TileParts, lanes: number): TileCode {
  const vectors = narrow ? 1 : 2;
  // Turns of the loop are dear: each takes two of the depth, which is even but in attention. Packed pairs are one row.
  const step = mode === 'matrix' ? 1 : 2;
  const rowsB = weights === 'f16' ? 1 : step;
  const perStep = Math.max(1, ROWS / lanes); // loads that cover the rows once
  const rowOf = (load: number) => `m0 + ${load * lanes}u + lane`;
  const value = (row: number, k: number) =>
    `subgroupBroadcast(a${k}_${Math.floor(row / lanes)}, ${row % lanes}u)`;

  const loadB = (k: number, j: number) =>
    weights === 'f16' ? `q${j}.${'xy'[k]}` : `b[bAt${j}${k ? ` + ${k}u * u.bStride` : ''}]`;
  const body = (source: string) => `
      ${repeat(step, (k) => repeat(perStep, (l) => `let a${k}_${l} = select(0.0, ${source}[p${l} + k${k ? ` + ${k}u` : ''}], p${l}ok);`))}
      ${weights === 'f16' ? repeat(vectors, (j) => `let q${j} = unpack2x16float(b[bAt${j}]);`) : ''}
      ${repeat(
        step,
        (k) => `{
        ${repeat(vectors, (j) => `let b${j} = ${loadB(k, j)};`, ' ')}
        ${repeat(ROWS, (i) => `{ let s = ${value(i, k)}; ${repeat(vectors, (j) => `c${i}_${j} = fma(s, b${j}, c${i}_${j});`, ' ')} }`)}
      }`,
      )}
      ${repeat(vectors, (j) => `bAt${j} += ${rowsB}u * u.bStride;`, ' ')}`;
  const part = (source: string, from: string, count: string) => `
    ${repeat(perStep, (l) => `let p${l} = ${from}u32(max(p${l}at, 0)) * ${source === 'a' ? 'u.aStride' : '(u.depth - u.depth1)'};`)}
    for (var k = 0u; k < ${count}; k += ${step}u) { ${body(source)} }`;

  const tapStart =
    weights === 'transposed'
      ? 'tapOf(tap) * u.bTap'
      : `tap * ${weights === 'f16' ? '(u.depth / 2u)' : 'u.depth'} * u.bStride`;
  const winograd = mode === 'winograd';
  const sums = (each: (i: number, j: number) => string) =>
    repeat(ROWS, (i) => repeat(vectors, (j) => each(i, j), ' '));
  return {
    size: { rows: ROWS, columns: lanes * vectors },
    directives: 'enable subgroups;',
    body: `
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  enter(group.z);
  let m0 = group.y * ${ROWS}u;
  let image = group.z / u.heads;
  let head = group.z % u.heads;
  ${repeat(vectors, (j) => `let n${j} = group.x * ${lanes * vectors}u + ${j * lanes}u + lane;`)}
  let aBase = u.aBase + image * u.aImage + head * u.aHead;
  let bBase = u.bBase + image * u.bImage + head * u.bHead;
  ${winograd ? sums((i, j) => repeat(4, (c) => `var y${i}_${j}_${c} = 0.0;`, ' ')) : ''}
  ${winograd ? '' : sums((i, j) => `var c${i}_${j} = 0.0;`)}
  for (var tap = 0u; tap < u.taps; tap++) {
    ${winograd ? sums((i, j) => `var c${i}_${j} = 0.0;`) : ''}
    ${repeat(perStep, (l) => `let p${l}at = place(min(${rowOf(l)}, u.rows - 1u), tap); let p${l}ok = p${l}at >= 0;`)}
    ${repeat(vectors, (j) => `var bAt${j} = bBase + ${tapStart} + min(n${j}, u.columns - 1u) * u.bColumn;`)}
    { ${part('a', 'aBase + ', 'u.depth1')} }
    ${sources === 2 ? `{ ${part('a2', '', 'u.depth - u.depth1')} }` : ''}
    ${winograd ? fold(ROWS, vectors) : ''}
  }
  ${store(ROWS, vectors, winograd, 'f32', (j) => `n${j}`)}
}`,
  };
}
