import { elementwise } from './elementwise';
import type { Kernel } from './kernel';

/**
 * out = V x H' for banded matrices of both axes: bilinear interpolation with either convention, mean pools, up- and
 * downsampling filters, and the transposes of all of them, which are their gradients. A table has a row for each result
 * of its axis: the place of the first source, then `taps` factors.
 */
export const banded = (): Kernel =>
  elementwise(
    'banded',
    ['x', 'rows', 'columns', 'out'],
    ['channels', 'height', 'width', 'outHeight', 'outWidth', 'rowTaps', 'columnTaps'],
    `let c = i % u.channels;
  let ox = i / u.channels % u.outWidth;
  let oy = i / (u.channels * u.outWidth) % u.outHeight;
  let image = i / (u.channels * u.outWidth * u.outHeight);
  let row = oy * (u.rowTaps + 1u);
  let column = ox * (u.columnTaps + 1u);
  let y = u32(rows[row]);
  let left = u32(columns[column]);
  var sum = 0.0;
  for (var r = 0u; r < u.rowTaps; r++) {
    let at = ((image * u.height + y + r) * u.width + left) * u.channels + c;
    var line = 0.0;
    for (var k = 0u; k < u.columnTaps; k++) { line = fma(columns[column + 1u + k], x[at + k * u.channels], line); }
    sum = fma(rows[row + 1u + r], line, sum);
  }
  out[i] = sum;`,
  );
