import { InnateError } from '../../../lib/errors';
import { type ConvStep, type Plan, storedChannels } from '../steps';
import { packedMatrix } from './weights';

/** How a convolution is computed; chosen once per network, because the weights are packed for it. */
export type ConvForm = 'matrix' | 'direct' | 'winograd2' | 'winograd4';

/** Output tile of a Winograd form, null of the others. */
export const winogradTile = (form: ConvForm): 2 | 4 | null =>
  form === 'winograd4' ? 4 : form === 'winograd2' ? 2 : null;

/** Float32 values of a convolution's packed weights. */
export function convSize({ kernel, sources, out }: ConvStep, form: ConvForm): number {
  const inputs = sources.reduce((sum, s) => sum + storedChannels(s.channels), 0);
  const outputs = storedChannels(out.channels);
  const tile = winogradTile(form);
  return tile
    ? (tile + 2) ** 2 * packedMatrix(inputs, outputs).size
    : packedMatrix(kernel * kernel * inputs, outputs).size;
}

/**
 * The fastest form of each convolution whose weights fit together into `budget` bytes. Winograd needs 4 (tiles of
 * 2) or 2.25 (tiles of 4) products a pixel instead of 9, but 1.8 or 4 times the weights, and tiles need room. What
 * a byte more saves grows with the map alone, so memory goes to the largest maps, and to small tiles before large
 * ones. Throws `unsupported` when even the published sizes do not fit.
 */
export function chooseForms(plan: Plan, budget: number): Map<ConvStep, ConvForm> {
  const forms = new Map<ConvStep, ConvForm>();
  const upgrades: { step: ConvStep; form: ConvForm; gain: number }[] = [];
  let bytes = 0;
  for (const step of plan.steps) {
    if (step.kind === 'linear')
      bytes += 4 * packedMatrix(storedChannels(step.input.channels), storedChannels(step.out.channels)).size;
    if (step.kind !== 'conv') continue;
    const form = isMatrix(step) ? 'matrix' : 'direct';
    forms.set(step, form);
    bytes += 4 * convSize(step, form);
    const pixels = step.out.height * step.out.width;
    for (const upgrade of winogradForms(step))
      upgrades.push({
        step,
        form: upgrade,
        gain: pixels * (upgrade === 'winograd2' ? (9 - 4) / (16 - 9) : (4 - 2.25) / (36 - 16)),
      });
  }
  if (bytes > budget)
    throw new InnateError('unsupported', 'the network is too large to be packed', {
      expected: `at most ${Math.round(budget / 2 ** 20)} MB`,
      found: `${Math.ceil(bytes / 2 ** 20)} MB`,
    });
  upgrades.sort((a, b) => b.gain - a.gain);
  for (const { step, form } of upgrades) {
    const more = 4 * (convSize(step, form) - convSize(step, forms.get(step)!));
    if (bytes + more > budget) continue;
    forms.set(step, form);
    bytes += more;
  }
  return forms;
}

/** Rows of pixels times weights, as they lie in memory: packed as for a direct convolution. */
export const isMatrix = ({ kernel, prologue, sources, out }: ConvStep): boolean =>
  kernel === 1 &&
  sources.length === 1 &&
  !prologue.affine &&
  !prologue.silu &&
  out.width === sources[0]!.width;

function winogradForms({ kernel, sources, out }: ConvStep): ConvForm[] {
  const inputs = sources.reduce((sum, s) => sum + s.channels, 0);
  // With few channels the transforms cost more than the products.
  if (kernel !== 3 || inputs < 16 || out.channels < 16) return [];
  const side = Math.min(out.height, out.width);
  return side >= 16 ? ['winograd2', 'winograd4'] : side >= 6 ? ['winograd2'] : [];
}
