// Draws the page's icons: `node scripts/make-icons.mjs` writes public/icons. One step beside many, as src/app/icon.svg has it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { encode } from 'fast-png';

/** In a square of 26: x, y, width, height. */
const ONE = [[2, 4, 5, 18]];
const MANY = [10, 14, 18, 22].map((x) => [x, 16, 2, 6]);
const SIDE = 26;

const GROUND = [0xf6, 0xf6, 0xf3];
const ORANGE = [0xd7, 0x5c, 0x03];
const GREY = [0x81, 0x80, 0x7c];

/**
 * The mark on the page's ground. `share` of the edge is the mark's: a maskable icon may be cut to the circle of 80 %
 * of its edge, in whose square of 56 % the mark then stays.
 */
function draw(size, share) {
  const unit = (size * share) / SIDE;
  const inset = (size - SIDE * unit) / 2;
  const data = new Uint8Array(size * size * 3);
  for (let i = 0; i < size * size; i++) data.set(GROUND, i * 3);
  for (const [rects, colour] of [
    [ONE, ORANGE],
    [MANY, GREY],
  ])
    for (const [x, y, width, height] of rects)
      fill(data, size, [inset + x * unit, inset + y * unit, width * unit, height * unit], colour);
  return encode({ width: size, height: size, data, channels: 3 });
}

/** A rectangle whose edges may lie within pixels: such a pixel gets its share of the colour. */
function fill(data, size, [left, top, width, height], colour) {
  const cover = (from, to, pixel) => Math.max(0, Math.min(to, pixel + 1) - Math.max(from, pixel));
  for (let y = Math.floor(top); y < top + height; y++)
    for (let x = Math.floor(left); x < left + width; x++) {
      const share = cover(left, left + width, x) * cover(top, top + height, y);
      for (let c = 0; c < 3; c++) {
        const at = (y * size + x) * 3 + c;
        data[at] = Math.round(data[at] * (1 - share) + colour[c] * share);
      }
    }
}

mkdirSync('public/icons', { recursive: true });
for (const [name, size, share] of [
  ['icon-192.png', 192, 0.8],
  ['icon-512.png', 512, 0.8],
  ['maskable-512.png', 512, 0.54],
  ['apple-touch-180.png', 180, 0.7],
])
  writeFileSync(`public/icons/${name}`, draw(size, share));
