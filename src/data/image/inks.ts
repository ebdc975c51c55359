/** What is left of the paper's light, in Pillow's arithmetic: `paper` of 255 behind black, less an ink's share. */
export function inked(ink: number, paper: number): number {
  const product = ink * paper + 128;
  return Math.max(0, paper - (((product >> 8) + product) >> 8));
}
