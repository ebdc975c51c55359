import { eachElement } from './each-element';
import { EPILOGUE_UNIFORMS, epilogueBindings, epilogueCode } from './epilogue';
import { type Kernel, kernel, type Unit } from './kernel';
import { type PrologueOptions, prologueBindings, prologueCode, prologueName } from './prologue';

const UNIFORMS = ['total', 'channels', 'affineChannels', ...EPILOGUE_UNIFORMS] as const;
/**
 * Down- or upsampling by two with a separable filter of up to eight taps (`tap0F`..), normalised by the caller:
 * the filter's gain is in the taps. Down after `pad` zeros; up as transposed convolution. Counts in units.
 */
export function resample(
  direction: 'up' | 'down',
  taps: number,
  prologue: PrologueOptions,
  unit: Unit,
): Kernel {
  const weights = Array.from({ length: taps }, (_, i) => `u.tap${i}F`);
  // Up: output y meets the taps of its own parity, from tap (y + pad) % 2 on.
  const loops = (axis: string) =>
    direction === 'down'
      ? `for (var t${axis} = 0u; t${axis} < ${taps}u; t${axis}++) { let s${axis} = i32(o${axis} * 2u + t${axis}) - i32(u.pad);`
      : `for (var t${axis} = (o${axis} + u.pad) % 2u; t${axis} < ${taps}u; t${axis} += 2u) { let s${axis} = (i32(o${axis} + u.pad) - i32(t${axis})) / 2;
      if (i32(o${axis} + u.pad) < i32(t${axis})) { continue; }`;
  return kernel({
    name: `${direction}sample ${taps}${prologueName(prologue)}`,
    bindings: {
      x: unit,
      ...prologueBindings(prologue.affine, unit),
      ...epilogueBindings(unit),
      out: unit,
    },
    uniforms: [
      ...UNIFORMS,
      'pad',
      'height',
      'width',
      'outHeight',
      'outWidth',
      ...weights.map((w) => w.slice(2)),
    ],
    body: `
${prologueCode(prologue, unit)}
${epilogueCode(unit)}
${eachElement(`
  let weights = array<f32, ${taps}>(${weights.join(', ')});
  let pixel = quotient(i, u.channels);
  let channel = i - pixel * u.channels;
  let place = placeAt(pixel, u.outWidth, u.outHeight);
  let ox = place.x;
  let oy = place.y;
  let image = place.z;
  let a = affineAt(image, channel);
  var sum = ${unit}(0.0);
  ${loops('y')}
    if (sy < 0 || sy >= i32(u.height)) { continue; }
    ${loops('x')}
      if (sx < 0 || sx >= i32(u.width)) { continue; }
      let at = ((image * u.height + u32(sy)) * u.width + u32(sx)) * u.channels + channel;
      sum = fma(${unit}(weights[ty] * weights[tx]), prepare(x[at], a), sum);
    }
  }
  out[i] = finish(sum, image, channel, i);`)}`,
  });
}

/**
 * Element by element, one source of a join at a time: its channels go to `channelOffset` of `outChannels`.
 * `pixels` of one image; counts in units.
 */
export function pointwise(prologue: PrologueOptions, unit: Unit): Kernel {
  return kernel({
    name: `pointwise${prologueName(prologue)}`,
    bindings: {
      x: unit,
      ...prologueBindings(prologue.affine, unit),
      ...epilogueBindings(unit),
      out: unit,
    },
    uniforms: [...UNIFORMS, 'pixels', 'channelOffset', 'outChannels'],
    body: `
${prologueCode(prologue, unit)}
${epilogueCode(unit)}
${eachElement(`
  let pixel = quotient(i, u.channels);
  let channel = u.channelOffset + i - pixel * u.channels;
  let at = pixel * u.outChannels + channel;
  let image = quotient(pixel, u.pixels);
  out[at] = finish(prepare(x[i], affineAt(image, channel)), image, channel, at);`)}`,
  });
}
