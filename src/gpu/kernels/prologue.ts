import type { Unit } from './kernel';

/** How a kernel changes what it reads: x * factor + offset of its image and channel, then SiLU. */
export interface PrologueOptions {
  affine: boolean;
  silu: boolean;
}

/**
 * WGSL `affineAt(image, channel)`, loaded once where channel and image stay the same, and `prepare(v, affine)`.
 * `affine` is [N, 2, channels]; indices count units.
 */
export function prologueCode({ affine, silu }: PrologueOptions, unit: Unit): string {
  const at = affine
    ? 'affine[image * 2u * u.affineChannels + channel], affine[(image * 2u + 1u) * u.affineChannels + channel]'
    : `${unit}(1.0), ${unit}(0.0)`;
  return `
struct Affine { factor: ${unit}, offset: ${unit} }
fn affineAt(image: u32, channel: u32) -> Affine { return Affine(${at}); }
fn prepare(v: ${unit}, a: Affine) -> ${unit} {
  ${affine ? 'let y = fma(v, a.factor, a.offset);' : 'let y = v;'}
  ${silu ? 'return y / (1.0 + exp(-y));' : 'return y;'}
}`;
}

/** Bindings that `prologueCode` reads: factor and offset of each image's channels, [images, 2, channels]. */
export const prologueBindings = (affine: boolean, unit: Unit): Record<string, string> =>
  affine ? { affine: unit } : {};

/** What of a prologue a kernel's name says. */
export const prologueName = ({ affine, silu }: PrologueOptions): string =>
  `${affine ? ' affine' : ''}${silu ? ' silu' : ''}`;
