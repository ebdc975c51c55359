import { eachElement } from './each-element';
import { type Kernel, kernel, repeat } from './kernel';
import { memoised } from './memoise';

/** Taps of an axis that are written out one by one: turns of a loop are dear on software adapters. */
const FEW_TAPS = 4;

/**
 * out = V x H' for banded matrices of both axes: bilinear interpolation with either convention, mean pools, up- and
 * downsampling filters, and the transposes of all of them, which are their gradients. A table has a row for each result
 * of its axis: the place of the first source, then `rowTaps` or `columnTaps` factors. A thread has four channels, which share
 * what is read of the tables: `total` = images * height * width * channels / 4, and `channels` counts fours.
 */
export const banded = memoised((rowTaps: number, columnTaps: number): Kernel => {
  const few = columnTaps <= FEW_TAPS;
  const factor = (tap: string) => `columns[column + 1u + ${tap}]`;
  return kernel({
    name: `banded ${rowTaps}x${columnTaps}`,
    bindings: { x: 'vec4f', rows: 'f32', columns: 'f32', out: 'vec4f' },
    uniforms: ['total', 'channels', 'height', 'width', 'outHeight', 'outWidth'],
    body: `
${eachElement(`
  let place = quotient(i, u.channels);
  let c = i - place * u.channels;
  let at = placeAt(place, u.outWidth, u.outHeight);
  let column = at.x * ${columnTaps + 1}u;
  let row = at.y * ${rowTaps + 1}u;
  let first = ((at.z * u.height + u32(rows[row])) * u.width + u32(columns[column])) * u.channels + c;
  ${few ? repeat(columnTaps, (k) => `let f${k}u = ${factor(`${k}u`)};`, ' ') : ''}
  var sum = vec4f();
  ${turns(
    rowTaps,
    'r',
    (r) => `{
    let start = first + ${r} * u.width * u.channels;
    var along = vec4f();
    ${turns(columnTaps, 'k', (k) => `along = fma(vec4f(${few ? `f${k}` : factor(k)}), x[start + ${k} * u.channels], along);`)}
    sum = fma(vec4f(rows[row + 1u + ${r}]), along, sum);
  }`,
  )}
  out[i] = sum;`)}`,
  });
});

/** `turn` for each tap: one by one where they are few, else in a loop over `name`. */
const turns = (taps: number, name: string, turn: (tap: string) => string): string =>
  taps <= FEW_TAPS
    ? repeat(taps, (tap) => turn(`${tap}u`))
    : `for (var ${name} = 0u; ${name} < ${taps}u; ${name}++) { ${turn(name)} }`;
