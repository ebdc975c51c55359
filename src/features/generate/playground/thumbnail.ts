import type { CSSProperties } from 'react';

/** CSS pixels that a thumbnail takes at most, and about at least. */
const SIDE = 64;

/** The side of a thumbnail: a whole multiple of the picture's pixels on this screen where it fits. */
export function thumbnailSize(resolution: number): number {
  const multiple = Math.floor((SIDE * devicePixelRatio) / resolution);
  return multiple >= 1 ? (multiple * resolution) / devicePixelRatio : SIDE;
}

/** What a tile of a strip needs to know of its picture's side. */
export const tileStyle = (size: number): CSSProperties => ({ '--tile': `${size}px` }) as CSSProperties;
