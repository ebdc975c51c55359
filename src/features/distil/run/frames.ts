/** Which of `count` snapshots a strip of at most `most` shows: evenly chosen, both ends among them. */
export function frames(count: number, most: number): number[] {
  if (count <= most) return Array.from({ length: count }, (_, i) => i);
  return Array.from({ length: most }, (_, i) => Math.round((i * (count - 1)) / (most - 1)));
}
