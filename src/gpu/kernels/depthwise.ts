import { type EndOptions, endBindings, endCode, endName } from './activation';
import { ELEMENTS } from './elementwise';
import { EPILOGUE_UNIFORMS, epilogueBindings, epilogueCode } from './epilogue';
import { type Kernel, kernel, repeat } from './kernel';
import { memoised } from './memoise';

/** Results of a line that a thread makes together: they share what they read. */
export const DEPTHWISE_TOGETHER = 4;

const UNIFORMS = [
  ...['total', 'channels', 'kernel', 'stride', 'pad', 'inHeight', 'inWidth', 'outHeight', 'outWidth'],
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
 * A convolution with one filter [taps, C] a channel. A thread makes a few results side by side: `total` = images * height *
 * ceil(width / DEPTHWISE_TOGETHER) * channels. What follows a convolution is done as it is written.
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
@compute @workgroup_size(${ELEMENTS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) grid: vec3u, @builtin(local_invocation_index) t: u32) {
  let i = (group.y * grid.x + group.x) * ${ELEMENTS}u + t;
  if (i >= u.total) { return; }
  let c = i % u.channels;
  let blocks = (u.outWidth + ${DEPTHWISE_TOGETHER - 1}u) / ${DEPTHWISE_TOGETHER}u;
  let ox = i / u.channels % blocks * ${DEPTHWISE_TOGETHER}u;
  let oy = i / (u.channels * blocks) % u.outHeight;
  let image = i / (u.channels * blocks * u.outHeight);
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
  }
}`,
  });
});

/** The transpose of a depthwise convolution with a stride: from the result back to the source; `total` results. */
export const depthwiseTransposed = memoised(
  (end: EndOptions): Kernel =>
    kernel({
      name: ['depthwise transposed', endName(end)].filter(Boolean).join(' '),
      bindings: bindings(end),
      uniforms: UNIFORMS,
      body: `
${epilogueCode('f32')}
${endCode(end, 'f32')}
@compute @workgroup_size(${ELEMENTS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) grid: vec3u, @builtin(local_invocation_index) t: u32) {
  let i = (group.y * grid.x + group.x) * ${ELEMENTS}u + t;
  if (i >= u.total) { return; }
  let c = i % u.channels;
  let ox = i / u.channels % u.outWidth + u.pad;
  let oy = i / (u.channels * u.outWidth) % u.outHeight + u.pad;
  let image = i / (u.channels * u.outWidth * u.outHeight);
  var sum = 0.0;
  for (var ty = oy % u.stride; ty < u.kernel && ty <= oy; ty += u.stride) {
    let sy = (oy - ty) / u.stride;
    if (sy >= u.inHeight) { continue; }
    for (var tx = ox % u.stride; tx < u.kernel && tx <= ox; tx += u.stride) {
      let sx = (ox - tx) / u.stride;
      if (sx >= u.inWidth) { continue; }
      let at = ((image * u.inHeight + sy) * u.inWidth + sx) * u.channels + c;
      sum = fma(x[at], filters[(ty * u.kernel + tx) * u.channels + c], sum);
    }
  }
  out[i] = end(finish(sum, image, c, i), c, i);
}`,
    }),
);
