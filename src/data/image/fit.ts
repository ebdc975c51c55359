import type { Picture } from '../types';
import { type Filter, resamplePlane } from './resample';

/** ITU-R 601 luma in 16-bit fixed point, as Pillow's mode L. */
const luma = (r: number, g: number, b: number) => (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16;

/** `v` over white. */
const over = (v: number, alpha: number) => Math.trunc((v * alpha + 255 * (255 - alpha) + 127) / 255);

/**
 * The largest centred square of a picture, in the network's channels and resolution, as [channels, R, R].
 * Transparency is laid over white; colour becomes grey by luma, grey becomes colour by repeating it.
 */
export function fitPicture(
  picture: Picture,
  channels: number,
  resolution: number,
  filter: Filter,
): Uint8Array {
  const side = Math.min(picture.width, picture.height);
  const planes = squarePlanes(picture, side, channels);
  const area = resolution * resolution;
  const out = new Uint8Array(channels * area);
  for (const [c, plane] of planes.entries())
    out.set(resamplePlane(plane, side, resolution, filter), c * area);
  for (let c = planes.length; c < channels; c++) out.copyWithin(c * area, 0, area);
  return out;
}

/** One plane for grey, whatever it is wanted for; three for colour that is wanted as colour. */
function squarePlanes(picture: Picture, side: number, channels: number): Uint8Array[] {
  const { data, stepX, stepY, stepC } = picture;
  const left = Math.floor((picture.width - side) / 2);
  const top = Math.floor((picture.height - side) / 2);
  const start = picture.offset + left * stepX + top * stepY;
  const colour = picture.channels !== 1;
  const alpha = picture.channels === 4;
  const planes = Array.from({ length: colour && channels === 3 ? 3 : 1 }, () => new Uint8Array(side * side));
  const [p0, p1, p2] = planes as [Uint8Array, Uint8Array, Uint8Array];
  for (let y = 0, o = 0; y < side; y++)
    for (let x = 0, at = start + y * stepY; x < side; x++, at += stepX, o++) {
      let r = data[at]!;
      if (!colour) {
        p0[o] = r;
        continue;
      }
      let g = data[at + stepC]!;
      let b = data[at + 2 * stepC]!;
      if (alpha) {
        const a = data[at + 3 * stepC]!;
        if (a !== 255) {
          r = over(r, a);
          g = over(g, a);
          b = over(b, a);
        }
      }
      if (channels === 3) {
        p0[o] = r;
        p1[o] = g;
        p2[o] = b;
      } else p0[o] = luma(r, g, b);
    }
  return planes;
}
