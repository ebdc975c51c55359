import { elementwise } from './elementwise';
import type { Kernel } from './kernel';

const CORNER = `let pixel = quotient(i, u.channels);
  let c = i - pixel * u.channels;
  let place = placeAt(pixel, u.outWidth, u.outHeight);
  let line = 2u * u.outWidth * u.channels;
  let at = ((place.z * 2u * u.outHeight + 2u * place.y) * 2u * u.outWidth + 2u * place.x) * u.channels + c;`;

/** Which of the 2x2 pixels at `places` is the first of the largest. */
const LARGEST = `${CORNER}
  let places = array<u32, 4>(at, at + u.channels, at + line, at + line + u.channels);
  var best = 0u;
  for (var k = 1u; k < 4u; k++) { if (x[places[k]] > x[places[best]]) { best = k; } }`;

/** The largest of each window, of which only what the map has counts; `total` results. */
export const maxPool = (): Kernel =>
  elementwise(
    'max pool',
    ['x', 'out'],
    ['channels', 'height', 'width', 'outHeight', 'outWidth', 'kernel', 'stride', 'pad'],
    `let pixel = quotient(i, u.channels);
  let c = i - pixel * u.channels;
  let place = placeAt(pixel, u.outWidth, u.outHeight);
  let left = i32(place.x * u.stride) - i32(u.pad);
  let top = i32(place.y * u.stride) - i32(u.pad);
  let image = i32(place.z);
  var most = -3.4028234663852886e38;
  for (var y = max(0, top); y < min(i32(u.height), top + i32(u.kernel)); y++) {
    for (var p = max(0, left); p < min(i32(u.width), left + i32(u.kernel)); p++) {
      most = max(most, x[u32((image * i32(u.height) + y) * i32(u.width) + p) * u.channels + c]);
    }
  }
  out[i] = most;`,
  );

/** dy goes to the first of the largest of 2x2 pixels; `total` elements of dy. */
export const maxPoolGradient = (): Kernel =>
  elementwise(
    'max pool gradient',
    ['x', 'dy', 'out'],
    ['channels', 'outHeight', 'outWidth'],
    `${LARGEST}
  for (var k = 0u; k < 4u; k++) { out[places[k]] = select(0.0, dy[i], k == best); }`,
  );

/** The element of v at the place of the first of the largest of 2x2 pixels of x; `total` results. */
export const maxPoolTangent = (): Kernel =>
  elementwise(
    'max pool tangent',
    ['x', 'v', 'out'],
    ['channels', 'outHeight', 'outWidth'],
    `${LARGEST}
  out[i] = v[places[best]];`,
  );
