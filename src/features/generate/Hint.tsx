import { chosenSampler, ownSampler, type SamplerName } from '../../lib/sampling';
import type { ModelFacts } from '../../state/models';
import { useApp, useModel, useView } from '../../state/react';
import { useMedia } from '../../ui/use-space';
import { useGridState } from './pictures';

/** A sampler that does not suit the model, and what would; null where they fit or nobody knows. */
function misfitOf(
  { role, sigmaMid }: Pick<ModelFacts, 'role' | 'sigmaMid'>,
  sampler: SamplerName,
): { text: string; better: SamplerName; action: string } | null {
  if (role === 'teacher' && sampler === 'one-step')
    return {
      text: 'A diffusion teacher needs many steps: one gives a blur.',
      better: 'heun',
      action: 'Use Heun',
    };
  const own = ownSampler({ sigmaMid });
  if (role !== 'student' || sampler === own) return null;
  return own === 'one-step'
    ? {
        text: 'This student was trained for one step: more steps can spoil its images.',
        better: own,
        action: 'Use one step',
      }
    : {
        text: 'This student was trained for two steps: fewer or more can spoil its images.',
        better: own,
        action: 'Use two steps',
      };
}

/** One line under the images: what they are, or what to try. */
export function Hint() {
  const { stores } = useApp();
  const model = useModel();
  const sampler = useView((v) => v.sampler);
  const state = useGridState();
  const touch = useMedia('(pointer: coarse)');
  const misfit = model && misfitOf(model, sampler ?? ownSampler(model));
  return (
    <p className="hint caption">
      {misfit && state !== 'empty' ? (
        <>
          {misfit.text}{' '}
          <button
            type="button"
            className="link"
            onClick={() =>
              stores.view.setState({ sampler: chosenSampler(misfit.better, model), steps: null })
            }
          >
            {misfit.action}
          </button>
        </>
      ) : (
        text()
      )}
    </p>
  );

  function text(): string {
    if (!model || state === 'empty') return '';
    if (state === 'beforehand')
      return 'Pre-rendered with this model. Live images replace these as soon as the model is ready.';
    const sliders = model.labelDim > 0 ? 'Seed or Class' : 'Seed';
    return touch
      ? `Drag ${sliders} and the images follow. Tap an image to see how it was made.`
      : `Drag ${sliders} and the images follow. Hold Shift to move between two seeds. Click an image to see how it was made.`;
  }
}
