import { type Node, vectorShape } from '../graph';
import { constant } from './rules';
import type { StepOps } from './scope';
import type { Inputs } from './settings';

/**
 * DiffAugment (Zhao et al. 2020) of images x, by numbers of each image that are given at each run: `brightness`, which is
 * added; `saturation` and `grey`, shares of a pixel and of the mean of its channels; `contrast`, and `mean`, the share of the
 * image's mean over its pixels' count; `place`, [shiftY, shiftX, top, bottom, left, right] of the shift and the cut.
 */
export function augmented(ops: StepOps, x: Node, input: Inputs): Node {
  const { channels } = x.shape;
  const number = (name: string) => input(name, vectorShape(channels));
  const lit = ops.addVector(x, number('brightness'));
  if (channels === 1) return contrasted(ops, lit, lit, input);
  const share = ops.graph.once(
    { op: 'broadcast' },
    [constant(ops.graph, 1 / channels)],
    vectorShape(channels),
  );
  const grey = ops.dotVector(lit, share);
  const saturated = ops.add(
    ops.timesVector(lit, number('saturation')),
    ops.outerVector(grey, number('grey')),
  );
  return contrasted(ops, saturated, grey, input);
}

/** `grey` has the means over channels, which saturation leaves as they are. */
function contrasted(ops: StepOps, x: Node, grey: Node, input: Inputs): Node {
  const number = (name: string) => input(name, vectorShape(x.shape.channels));
  const mean = ops.pixelSum(ops.outerVector(grey, number('mean')));
  const seen = ops.addVector(ops.timesVector(x, number('contrast')), mean);
  return ops.shiftAndCut(seen, input('place', vectorShape(6)));
}
