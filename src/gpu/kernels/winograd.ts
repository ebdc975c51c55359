import { eachElement } from './each-element';
import { type Kernel, kernel, repeat, type Unit } from './kernel';
import { type PrologueOptions, prologueBindings, prologueCode, prologueName } from './prologue';

/**
 * Input transform of F(2x2, 3x3): V = B^T d B of every 4 x 4 patch, 16 products apart (Lavin & Gray 2016), with
 * normalisation and SiLU applied as the patch is read. One source of a join at a time: its channels go to
 * `channelOffset` of `outChannels`. Counts in units; `total` = tiles * channels.
 */
export function winogradInput(prologue: PrologueOptions, unit: Unit): Kernel {
  const line = (name: string, from: (k: number) => string): string =>
    `let ${name}0 = ${from(0)} - ${from(2)}; let ${name}1 = ${from(1)} + ${from(2)}; let ${name}2 = ${from(2)} - ${from(1)}; let ${name}3 = ${from(1)} - ${from(3)};`;
  return kernel({
    name: `winograd input${prologueName(prologue)}`,
    bindings: { x: unit, ...prologueBindings(prologue.affine, unit), out: unit },
    uniforms: [
      'total',
      'channels',
      'channelOffset',
      'outChannels',
      'height',
      'width',
      'pad',
      'tilesX',
      'tilesY',
      'tiles',
      'affineChannels',
    ],
    body: `
${prologueCode(prologue, unit)}
fn pixel(image: u32, row: i32, column: i32, channel: u32, a: Affine) -> ${unit} {
  let inside = row >= 0 && column >= 0 && row < i32(u.height) && column < i32(u.width);
  let at = select(0u, (image * u.height + u32(row)) * u.width + u32(column), inside);
  return select(${unit}(0.0), prepare(x[at * u.channels + channel], a), inside);
}
${eachElement(`
  let tile = quotient(i, u.channels);
  let channel = i - tile * u.channels;
  let place = placeAt(tile, u.tilesX, u.tilesY);
  let x0 = i32(place.x * 2u) - i32(u.pad);
  let y0 = i32(place.y * 2u) - i32(u.pad);
  let image = place.z;
  let a = affineAt(image, u.channelOffset + channel);
  ${repeat(4, (r) => repeat(4, (c) => `let d${r}${c} = pixel(image, y0 + ${r}, x0 + ${c}, channel, a);`, ' '))}
  ${repeat(4, (c) => line(`m${c}`, (k) => `d${k}${c}`))}
  let at = tile * u.outChannels + u.channelOffset + channel;
  let stride = u.tiles * u.outChannels;
  ${repeat(4, (r) => `${line(`v${r}`, (k) => `m${k}${r}`)} ${repeat(4, (c) => `out[at + ${r * 4 + c}u * stride] = v${r}${c};`, ' ')}`)}`)}`,
  });
}

/** Filter transform U = G g G^T of OIHW weights: [16, inChannels, outChannels] with the given strides of a row. */
export function winogradFilter(
  weights: Float32Array,
  outChannels: number,
  inChannels: number,
  rows: number,
  columns: number,
): Float32Array {
  const out = new Float32Array(16 * rows * columns);
  const half = new Float64Array(12);
  for (let o = 0; o < outChannels; o++)
    for (let c = 0; c < inChannels; c++) {
      const g = (o * inChannels + c) * 9;
      for (let j = 0; j < 3; j++) {
        const [a, b, d] = [weights[g + j]!, weights[g + 3 + j]!, weights[g + 6 + j]!];
        half[j] = a;
        half[3 + j] = (a + b + d) / 2;
        half[6 + j] = (a - b + d) / 2;
        half[9 + j] = d;
      }
      for (let r = 0; r < 4; r++) {
        const [a, b, d] = [half[3 * r]!, half[3 * r + 1]!, half[3 * r + 2]!];
        const at = (4 * r * rows + c) * columns + o;
        const step = rows * columns;
        out[at] = a;
        out[at + step] = (a + b + d) / 2;
        out[at + 2 * step] = (a - b + d) / 2;
        out[at + 3 * step] = d;
      }
    }
  return out;
}
