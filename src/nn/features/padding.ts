/** Zeros before and behind the pixels of an axis. */
export function paddingOf(
  padding: 'tensorflow' | 'symmetric' | 'none',
  size: number,
  kernel: number,
  stride: number,
): [number, number] {
  if (padding === 'none') return [0, 0];
  if (padding === 'symmetric') return [kernel >> 1, kernel >> 1];
  const total = Math.max((Math.ceil(size / stride) - 1) * stride + kernel - size, 0);
  return [total >> 1, total - (total >> 1)];
}
