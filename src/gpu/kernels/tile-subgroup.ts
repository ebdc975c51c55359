import type { TileCode, TileParts } from './contraction';
import { repeat, type Unit } from './kernel';

const ROWS = 16;

/**
 * One subgroup a workgroup: 16 rows by `vectors` columns a lane. Each lane loads one value of A for all, which
 * `subgroupBroadcast` hands out for the price of a multiplication; B is read straight by its column.
 */
export function subgroupTile({ mode, weights, sources, narrow }: TileParts, lanes: number): TileCode {
  const vectors = narrow ? 1 : 2;
  // Packed pairs along the depth are used two at a time.
  const step = weights === 'f16' ? 2 : 1;
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
      ${repeat(vectors, (j) => `bAt${j} += u.bStride;`, ' ')}`;
  const part = (source: string, from: string, count: string) => `
    ${repeat(perStep, (l) => `let p${l} = ${from}u32(max(p${l}at, 0)) * ${source === 'a' ? 'u.aStride' : '(u.depth - u.depth1)'};`)}
    for (var k = 0u; k < ${count}; k += ${step}u) { ${body(source)} }`;

  const winograd = mode === 'winograd';
  const sums = (each: (i: number, j: number) => string) =>
    repeat(ROWS, (i) => repeat(vectors, (j) => each(i, j), ' '));
  return {
    size: { rows: ROWS, columns: lanes * vectors },
    directives: 'enable subgroups;',
    body: `
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
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
    ${repeat(vectors, (j) => `var bAt${j} = bBase + tap * ${weights === 'f16' ? '(u.depth / 2u)' : 'u.depth'} * u.bStride + min(n${j}, u.columns - 1u) * u.bColumn;`)}
    { ${part('a', 'aBase + ', 'u.depth1')} }
    ${sources === 2 ? `{ ${part('a2', '', 'u.depth - u.depth1')} }` : ''}
    ${winograd ? fold(ROWS, vectors) : ''}
  }
  ${store(ROWS, vectors, winograd, 'f32', (j) => `n${j}`)}
}`,
  };
}

/** Adds product `tap` to the outputs of its tiles. */
export function fold(rows: number, vectors: number): string {
  return `{
      let i = tap / 4u; let j = tap % 4u;
      let w0 = first(i) * first(j); let w1 = first(i) * second(j);
      let w2 = second(i) * first(j); let w3 = second(i) * second(j);
      ${repeat(rows, (i) => repeat(vectors, (j) => repeat(4, (c) => `y${i}_${j}_${c} += w${c} * c${i}_${j};`, ' '), ' '))}
    }`;
}

/**
 * Writes a thread's results in a loop, out of an array: unrolled, the epilogue would be most of the program, and
 * drivers that compile with LLVM take seconds for it.
 */
export function store(
  rows: number,
  vectors: number,
  winograd: boolean,
  unit: Unit,
  column: (j: number) => string,
): string {
  const corners = winograd ? 4 : 1;
  const values = repeat(rows, (i) =>
    repeat(
      vectors,
      (j) =>
        repeat(
          corners,
          (c) => `v[${(i * vectors + j) * corners + c}] = ${winograd ? `y${i}_${j}_${c}` : `c${i}_${j}`};`,
          ' ',
        ),
      ' ',
    ),
  );
  return `
  var v: array<${unit}, ${rows * vectors * corners}>;
  ${values}
  let columns = array<u32, ${vectors}>(${Array.from({ length: vectors }, (_, j) => column(j)).join(', ')});
  let base = u.oBase + image * u.oImage + head * u.oHead;
  for (var i = 0u; i < ${rows}u && m0 + i < u.rows; i++) {
    for (var j = 0u; j < ${vectors}u; j++) {
      if (columns[j] >= u.columns) { continue; }
      ${winograd ? 'for (var c = 0u; c < 4u; c++) { write(v[(i * VECTORSu + j) * 4u + c], m0 + i, columns[j], c); }' : 'write(v[i * VECTORSu + j], m0 + i, columns[j], base);'}
    }
  }`.replaceAll('VECTORS', String(vectors));
}
