import type { WeightSource } from '../../weights';
import type { Plan, Step } from '../steps';
import { type WeightLayout, weightLayout } from './layout';
import { lowerAttention } from './lower-attention';
import { lowerConv, lowerLinear } from './lower-conv';
import { lowerNorm, lowerPointwise, lowerResample, lowerSquares } from './lower-elements';
import { type LoweredPlan, Lowering, type LoweringOptions } from './lowering';

/**
 * Turns every step of `plan` into kernel calls for one batch size. `layout`: of the network that it is a plan of;
 * without one the plan is of the whole network.
 */
export function lower(
  plan: Plan,
  source: WeightSource,
  options: LoweringOptions,
  layout: WeightLayout = weightLayout(plan, source, options.traits.winograd),
): LoweredPlan {
  const context = new Lowering(plan, source, options, layout);
  for (const step of plan.steps) {
    lowerStep(context, step);
    for (const [name, value] of plan.observed) if (value === step.out) lowerSquares(context, name, step);
  }
  for (const name of plan.outputs.keys()) context.output(name);
  return context;
}

function lowerStep(context: Lowering, step: Step): void {
  if (step.kind === 'norm') lowerNorm(context, step);
  else if (step.kind === 'conv') lowerConv(context, step);
  else if (step.kind === 'resample') lowerResample(context, step);
  else if (step.kind === 'attention') lowerAttention(context, step);
  else if (step.kind === 'linear') lowerLinear(context, step);
  else lowerPointwise(context, step);
}
