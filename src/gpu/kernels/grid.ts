/** The most workgroups of one dimension. */
const MOST = 65535;

/** A grid of `count` workgroups over two dimensions. */
export function linearGrid(count: number): [number, number, number] {
  const x = Math.min(count, MOST);
  return [x, Math.ceil(count / x), 1];
}
