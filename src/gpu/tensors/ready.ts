import type { GpuContext } from '../context';
import { contraction } from '../kernels/contraction';
import { filterGradient } from '../kernels/filter-gradient';
import type { Kernel } from '../kernels/kernel';
import { inFloat32, type KernelTraits } from '../traits';

/** The kernels on tensors of which there is more than one form; whatever else runs on them is plain WGSL. */
export function formsOfTensors(traits: KernelTraits): Kernel[] {
  const products = [false, true].map((narrow) =>
    contraction({
      mode: 'conv',
      tile: inFloat32(traits.tile),
      weights: 'f32',
      sources: 1,
      prologue: null,
      narrow,
    }),
  );
  return [...products, filterGradient(traits)].map(({ kernel }) => kernel);
}

/**
 * Compiles them, in the first form that the browser and the driver take. Operations on tensors cannot wait for a
 * compiler, so that its refusal would come when the work is done: this comes before.
 */
export const readyTensorKernels = (context: GpuContext): Promise<void> =>
  context.inSomeForm((traits) => context.pipelines.prepare(formsOfTensors(traits)));
