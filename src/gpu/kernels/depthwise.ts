import { type EndOptions, endBindings, endCode, endName } from './activation';
import { eachElement } from './each-element';
import { EPILOGUE_UNIFORMS, epilogueBindings, epilogueCode } from './epilogue';
import { type Kernel, kernel, repeat } from './kernel';
import { memoised } from './memoise';

/** Results of a line that a thread makes together: they share what they read. */
export const DEPTHWISE_TOGETHER = 4;

const UNIFORMS = [
  ...['total', 'channels', 'pad', 'inHeight', 'inWidth', 'outHeight', 'outWidth', 'across', 'down'],
  ...EPILOGUE_UNIFORMS,
];

interface DepthwiseOptions {
  size: number;
  stride: number;
  /** Taps in the reverse order along both axes: with stride 1 that is the transpose, whose padding is size - 1 - pad. */
  turned: boolean;
  end: EndOptions;
}

const bindings = (end: EndOptions) => ({
  x: 'f32',
  filters: 'f32',
  ...epilogueBindings('f32'),
  ...endBindings(end, 'f32'),
  out: 'f32',
});

/**
 * A convolution with one filter [taps, C] a channel. A thread makes a few results side by side: `down` is the result's height, `across`
 * ceil(width / DEPTHWISE_TOGETHER), `total` images * down * across * channels. What follows a convolution is done as it is
 * written.
 */
export const depthwise = memoised(({ size, stride, turned, end }: DepthwiseOptions): Kernel => {
  const tap = (t: string) => (turned ? `${size - 1}u - ${t}` : t);
  const reads = stride * (DEPTHWISE_TOGETHER - 1) + size;
  return kernel({
    name: ['depthwise', size, stride > 1 && 'strided', turned && 'turned', endName(end)]
      .filter(Boolean)
      .join(' '),
    bindings: bindings(end),
    uniforms: UNIFORMS,
    body: `
${epilogueCode('f32')}
${endCode(end, 'f32')}
${eachElement(`
  let block = quotient(i, u.channels);
  let c = i - block * u.channels;
  let place = placeAt(block, u.across, u.down);
  let ox = place.x * ${DEPTHWISE_TOGETHER}u;
  let oy = place.y;
  let image = place.z;
  let left = i32(ox * ${stride}u) - i32(u.pad);
  let most = i32(u.inWidth) - 1;
  ${repeat(DEPTHWISE_TOGETHER, (o) => `var s${o} = 0.0;`, ' ')}
  for (var ty = 0u; ty < ${size}u; ty++) {
    let sy = i32(oy * ${stride}u + ty) - i32(u.pad);
    if (sy < 0 || sy >= i32(u.inHeight)) { continue; }
    let line = (image * u.inHeight + u32(sy)) * u.inWidth;
    ${repeat(reads, (j) => `let v${j} = select(0.0, x[(line + u32(clamp(left + ${j}, 0, most))) * u.channels + c], left + ${j} >= 0 && left + ${j} <= most);`)}
    let row = (${tap('ty')}) * ${size}u;
    ${repeat(size, (k) => `{ let w = filters[(row + ${tap(`${k}u`)}) * u.channels + c]; ${repeat(DEPTHWISE_TOGETHER, (o) => `s${o} = fma(v${o * stride + k}, w, s${o});`, ' ')} }`)}
  }
  let sums = array<f32, ${DEPTHWISE_TOGETHER}>(${repeat(DEPTHWISE_TOGETHER, (o) => `s${o}`, ', ')});
  for (var o = 0u; o < ${DEPTHWISE_TOGETHER}u && ox + o < u.outWidth; o++) {
    let at = ((image * u.outHeight + oy) * u.outWidth + ox + o) * u.channels + c;
    out[at] = end(finish(sums[o], image, c, at), c, at);
  }`)}`,
  });
});

/** Blocks of results that the transpose of a strided convolution makes along an axis of `size`: of a stride each, counted from the padding. */
export const transposedBlocks = (size: number, stride: number, pad: number): number =>
  Math.floor((size - 1 + pad) / stride) - Math.floor(pad / stride) + 1;

/**
 * The transpose of a depthwise convolution with a stride: from the result back to the source. A thread makes a block of stride x stride
 * results, which read the same few values with different taps: `down` and `across` are `transposedBlocks`, `total` images * down *
 * across * channels.
 */
export const depthwiseTransposed = memoised(
  ({ size, stride, end }: Omit<DepthwiseOptions, 'turned'>): Kernel => {
    const reach = Math.ceil(size / stride);
    const taps = (of: (at: number, tap: number) => string) =>
      repeat(stride, (phase) =>
        repeat(reach, (at) => (phase + stride * at < size ? of(at, phase + stride * at) : ''), ' '),
      );
    const sum = (ty: number, tx: number) => `sums[${(ty % stride) * stride + (tx % stride)}]`;
    return kernel({
      name: ['depthwise transposed', size, endName(end)].filter(Boolean).join(' '),
      bindings: bindings(end),
      uniforms: UNIFORMS,
      body: `
${epilogueCode('f32')}
${endCode(end, 'f32')}
${eachElement(`
  let block = quotient(i, u.channels);
  let c = i - block * u.channels;
  let place = placeAt(block, u.across, u.down);
  let image = place.z;
  let bx = i32(place.x + u.pad / ${stride}u);
  let by = i32(place.y + u.pad / ${stride}u);
  ${repeat(reach, (a) => `let row${a} = by >= ${a} && by - ${a} < i32(u.inHeight); let line${a} = (image * u.inHeight + u32(clamp(by - ${a}, 0, i32(u.inHeight) - 1))) * u.inWidth;`)}
  ${repeat(reach, (b) => `let column${b} = bx >= ${b} && bx - ${b} < i32(u.inWidth); let at${b} = u32(clamp(bx - ${b}, 0, i32(u.inWidth) - 1));`)}
  ${repeat(reach, (a) => repeat(reach, (b) => `let v${a}_${b} = select(0.0, x[(line${a} + at${b}) * u.channels + c], row${a} && column${b});`))}
  var sums: array<f32, ${stride ** 2}>;
  ${taps((a, ty) => taps((b, tx) => `${sum(ty, tx)} = fma(v${a}_${b}, filters[${ty * size + tx}u * u.channels + c], ${sum(ty, tx)});`))}
  for (var o = 0; o < ${stride ** 2}; o++) {
    let ox = bx * ${stride} + o % ${stride} - i32(u.pad);
    let oy = by * ${stride} + o / ${stride} - i32(u.pad);
    if (ox < 0 || oy < 0 || ox >= i32(u.outWidth) || oy >= i32(u.outHeight)) { continue; }
    let at = ((image * u.outHeight + u32(oy)) * u.outWidth + u32(ox)) * u.channels + c;
    out[at] = end(finish(sums[o], image, c, at), c, at);
  }`)}`,
    });
  },
);
