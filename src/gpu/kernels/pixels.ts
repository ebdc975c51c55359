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
    `let pixel = quotient(i, u.channels);
  let c = i - pixel * u.channels;
  let there = placeAt(pixel, u.width, u.height);
  let column = i32(there.x);
  let row = i32(there.y);
  let image = there.z;
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

/** WGSL of the mean over a pixel's channels, or zero. */
const meanOf = (of: string, centred: boolean): string =>
  centred
    ? `var ${of}Mean = 0.0;
  for (var k = at; k < at + u.channels; k++) { ${of}Mean += ${of}[k]; }
  ${of}Mean /= f32(u.channels);`
    : `let ${of}Mean = 0.0;`;

/**
 * Every pixel's channels, perhaps without their mean, divided by the root of eps and the sum of their squares; `total` pixels,
 * `channels` as stored.
 */
export const unit = (centred: boolean): Kernel =>
  elementwise(
    centred ? 'centred unit' : 'unit',
    ['x', 'out'],
    ['channels', 'epsF'],
    `let at = i * u.channels;
  ${meanOf('x', centred)}
  var squares = u.epsF;
  for (var k = at; k < at + u.channels; k++) { let v = x[k] - xMean; squares = fma(v, v, squares); }
  let r = inverseSqrt(squares);
  for (var k = at; k < at + u.channels; k++) { out[k] = (x[k] - xMean) * r; }`,
  );

/** The gradient of `unit`'s source. */
export const unitGradient = (centred: boolean): Kernel =>
  elementwise(
    centred ? 'centred unit gradient' : 'unit gradient',
    ['x', 'dy', 'out'],
    ['channels', 'epsF'],
    `let at = i * u.channels;
  ${meanOf('x', centred)}
  ${meanOf('dy', centred)}
  var squares = u.epsF;
  var along = 0.0;
  for (var k = at; k < at + u.channels; k++) {
    let v = x[k] - xMean;
    squares = fma(v, v, squares);
    along = fma(v, dy[k] - dyMean, along);
  }
  let r = inverseSqrt(squares);
  let less = along * r * r;
  for (var k = at; k < at + u.channels; k++) { out[k] = r * (dy[k] - dyMean - (x[k] - xMean) * less); }`,
  );
