import { eachElement } from './each-element';
import { type Kernel, kernel } from './kernel';

/**
 * Linear layers that read the same vectors v [N, depth], all at once. Their weights [depth, columns] and biases lie anywhere in
 * one buffer, their results and the gradients of these, [N, columns] each, anywhere in another. `table` has
 * LINEAR_FIELDS words for each column of all: where it begins in the weights, from one of its rows to the next, where its results
 * begin, from one image's to the next, its bias.
 */
export const LINEAR_FIELDS = 5;

const FIELDS = ['total', 'columns', 'depth', 'images'] as const;

const group = (
  name: string,
  reads: readonly string[],
  code: string,
  uniforms: readonly string[] = [],
): Kernel =>
  kernel({
    name,
    bindings: { table: 'u32', ...Object.fromEntries(reads.map((read) => [read, 'f32'])), out: 'f32' },
    uniforms: [...FIELDS, ...uniforms],
    body: `
struct Column { weight: u32, step: u32, place: u32, image: u32, bias: u32 }
fn columnOf(j: u32) -> Column {
  let at = j * ${LINEAR_FIELDS}u;
  return Column(table[at], table[at + 1u], table[at + 2u], table[at + 3u], table[at + 4u]);
}
${eachElement(code)}`,
  });

/** All results; `total` = images * columns. */
export const linearGroup = (): Kernel =>
  group(
    'linear layers',
    ['v', 'weights'],
    `let l = columnOf(i % u.columns);
  let n = i / u.columns;
  var s = weights[l.bias];
  for (var k = 0u; k < u.depth; k++) { s = fma(v[n * u.depth + k], weights[l.weight + k * l.step], s); }
  out[l.place + n * l.image] = s;`,
  );

/** The gradient of v from those of all results; `total` = images * depth. */
export const linearGroupTransposed = (): Kernel =>
  group(
    'linear layers transposed',
    ['dy', 'weights'],
    `let k = i % u.depth;
  let n = i / u.depth;
  var s = 0.0;
  for (var j = 0u; j < u.columns; j++) {
    let l = columnOf(j);
    s = fma(dy[l.place + n * l.image], weights[l.weight + k * l.step], s);
  }
  out[i] = s;`,
  );

/** The gradients of all weights, where the weights lie in a buffer like theirs; `total` = depth * columns. */
export const linearGroupGradient = (): Kernel =>
  group(
    'linear layers gradient',
    ['v', 'dy'],
    `let l = columnOf(i % u.columns);
  let k = i / u.columns;
  let at = l.weight + k * l.step;
  var s = select(0.0, out[at], u.accumulate != 0u);
  for (var n = 0u; n < u.images; n++) { s = fma(v[n * u.depth + k], dy[l.place + n * l.image], s); }
  out[at] = s;`,
    ['accumulate'],
  );
