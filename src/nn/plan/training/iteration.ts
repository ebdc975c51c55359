import { AdversarialRecorder } from './adversarial';
import type { Side } from './recorder';
import type { Iteration, IterationSettings } from './settings';

/** Records one whole iteration: forward, backward, Adam and the average, of both networks, or of one `side` alone. */
export function recordIteration(settings: IterationSettings, side: Side | 'both' = 'both'): Iteration {
  const step = new AdversarialRecorder(settings);
  if (side === 'both' && settings.shareFakes) {
    const maps = step.look(step.images('z'), 'fake');
    step.update('D', step.discriminatorGradients(maps));
    step.update('G', step.generatorGradients(maps));
  } else {
    if (side !== 'D') step.update('G', step.generatorGradients(step.look(step.images('z'), 'fake')));
    if (side !== 'G')
      step.update('D', step.discriminatorGradients(step.look(step.images('z discriminator'), 'other fake')));
  }
  step.carryBuffers();
  return step.finish();
}

/** Records the gradients of a part of the batch, blended into those of the parts before it. `loss.batch` is the part's. */
export function recordPart(
  settings: IterationSettings,
  of:
    | { side: Side }
    | { /** gamma, times the gain of a step that is not taken in every iteration. */ penalty: number },
): Iteration {
  const step = new AdversarialRecorder(settings);
  if ('penalty' in of) step.accumulate('D', step.penaltyGradients(of.penalty));
  else if (of.side === 'G')
    step.accumulate('G', step.generatorGradients(step.look(step.images('z'), 'fake')));
  else
    step.accumulate(
      'D',
      step.discriminatorGradients(step.look(step.images('z discriminator'), 'other fake')),
    );
  return step.finish();
}

/** Records the update of one network from the gradients of all parts. */
export function recordUpdate(settings: IterationSettings, side: Side): Iteration {
  const step = new AdversarialRecorder(settings);
  step.update(side, step.accumulated(side));
  return step.finish();
}
