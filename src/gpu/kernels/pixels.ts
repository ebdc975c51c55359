import { elementwise } from './elementwise';
import type { Kernel } from './kernel';

/**
 * Pixels from a whole number of rows and columns on, zeros from outside and in a rectangle that is cut out: `place` has
 * [shiftY, shiftX, top, bottom, left, right] of each image, `stride` apart. `transposed`: the gradient, which goes the other
 * way. `total` elements, `channels` as stored.
 */
export const shiftAndCut = (transposed: boolean): Kernel =>
  elementwise(
    transposed ? 'shift back' : 'shift and cut',
    ['x', 'place', 'out'],
    ['channels', 'height', 'width', 'stride'],
    `let c = i % u.channels;
  let column = i32(i / u.channels % u.width);
  let row = i32(i / (u.channels * u.width) % u.height);
  let image = i / (u.channels * u.width * u.height);
  let at = image * u.stride;
  let y = row ${transposed ? '-' : '+'} i32(place[at]);
  let x1 = column ${transposed ? '-' : '+'} i32(place[at + 1u]);
  // What is cut out is told by the place in the shifted image: the gradient's source.
  let cut = vec2f(f32(${transposed ? 'y' : 'row'}), f32(${transposed ? 'x1' : 'column'}));
  let kept = cut.x < place[at + 2u] || cut.x >= place[at + 3u] || cut.y < place[at + 4u] || cut.y >= place[at + 5u];
  var value = 0.0;
  if (kept && y >= 0 && y < i32(u.height) && x1 >= 0 && x1 < i32(u.width)) {
    value = x[((image * u.height + u32(y)) * u.width + u32(x1)) * u.channels + c];
  }
  out[i] = value;`,
  );

/** Every pixel's channels divided by the root of 1e-10 and the sum of their squares; `total` pixels, `channels` as stored. */
export const unit = (): Kernel =>
  elementwise(
    'unit',
    ['x', 'out'],
    ['channels'],
    `let at = i * u.channels;
  var squares = 1e-10;
  for (var k = at; k < at + u.channels; k++) { squares = fma(x[k], x[k], squares); }
  let r = inverseSqrt(squares);
  for (var k = at; k < at + u.channels; k++) { out[k] = x[k] * r; }`,
  );

/** The gradient of `unit`'s source. */
export const unitGradient = (): Kernel =>
  elementwise(
    'unit gradient',
    ['x', 'dy', 'out'],
    ['channels'],
    `let at = i * u.channels;
  var squares = 1e-10;
  var along = 0.0;
  for (var k = at; k < at + u.channels; k++) {
    squares = fma(x[k], x[k], squares);
    along = fma(x[k], dy[k], along);
  }
  let r = inverseSqrt(squares);
  let less = along * r * r;
  for (var k = at; k < at + u.channels; k++) { out[k] = r * (dy[k] - x[k] * less); }`,
  );
