import { type EndOptions, endBindings, endCode, endName } from './activation';
import { ELEMENTS } from './elementwise';
import { EPILOGUE_UNIFORMS, epilogueBindings, epilogueCode } from './epilogue';
import { type Kernel, kernel } from './kernel';
import { memoised } from './memoise';

/**
 * A convolution with one filter [taps, C] a channel, or its transpose: from the result back to the source. One result a
 * thread. What follows a convolution is done as it is written.
 */
export const depthwise = memoised((direction: 'forward' | 'transposed', end: EndOptions): Kernel => {
  const from = (axis: string) =>
    direction === 'forward'
      ? `let s${axis} = i32(o${axis} * u.stride + t${axis}) - i32(u.pad);`
      : `let m${axis} = i32(o${axis} + u.pad) - i32(t${axis});
      if (m${axis} < 0 || u32(m${axis}) % u.stride != 0u) { continue; }
      let s${axis} = m${axis} / i32(u.stride);`;
  return kernel({
    name: ['depthwise', direction, endName(end)].filter(Boolean).join(' '),
    bindings: {
      x: 'f32',
      filters: 'f32',
      ...epilogueBindings('f32'),
      ...endBindings(end, 'f32'),
      out: 'f32',
    },
    uniforms: [
      ...['total', 'channels', 'kernel', 'stride', 'pad', 'inHeight', 'inWidth', 'outHeight', 'outWidth'],
      ...EPILOGUE_UNIFORMS,
    ],
    body: `
${epilogueCode('f32')}
${endCode(end, 'f32')}
@compute @workgroup_size(${ELEMENTS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) grid: vec3u, @builtin(local_invocation_index) t: u32) {
  let i = (group.y * grid.x + group.x) * ${ELEMENTS}u + t;
  if (i >= u.total) { return; }
  let c = i % u.channels;
  let ox = i / u.channels % u.outWidth;
  let oy = i / (u.channels * u.outWidth) % u.outHeight;
  let image = i / (u.channels * u.outWidth * u.outHeight);
  var sum = 0.0;
  for (var ty = 0u; ty < u.kernel; ty++) {
    ${from('y')}
    if (sy < 0 || sy >= i32(u.inHeight)) { continue; }
    for (var tx = 0u; tx < u.kernel; tx++) {
      ${from('x')}
      if (sx < 0 || sx >= i32(u.inWidth)) { continue; }
      let at = ((image * u.inHeight + u32(sy)) * u.inWidth + u32(sx)) * u.channels + c;
      sum = fma(x[at], filters[(ty * u.kernel + tx) * u.channels + c], sum);
    }
  }
  out[i] = end(finish(sum, image, c, i), c, i);
}`,
  });
});
