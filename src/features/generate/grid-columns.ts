/** How many images stand beside each other in the grid; six where it is not shown. */
export function gridColumns(): number {
  const grid = document.querySelector<HTMLElement>('.stage .image-grid');
  const columns = grid ? getComputedStyle(grid).gridTemplateColumns.split(' ').length : 6;
  return Math.max(1, columns);
}
