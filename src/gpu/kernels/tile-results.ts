import { repeat, type Unit } from './kernel';

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
