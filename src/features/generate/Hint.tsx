import { useModel, useView } from '../../state/react';
import { useMedia } from '../../ui/use-space';
import { useGridState } from './pictures';

/** One line under the images: what they are, or what to try. */
export function Hint() {
  const model = useModel();
  const sampler = useView((v) => v.sampler);
  const state = useGridState();
  const touch = useMedia('(pointer: coarse)');
  return <p className="hint caption">{text()}</p>;

  function text(): string {
    if (!model || state === 'empty') return '';
    if (state === 'beforehand')
      return 'Pre-rendered with this model. Live images replace them as soon as it is ready.';
    if (model.role === 'teacher' && sampler === 'one-step')
      return 'A diffusion teacher needs many steps: one gives a blur. Choose Heun to see what it can do.';
    const sliders = model.labelDim > 0 ? 'Seed or Class' : 'Seed';
    return touch
      ? `Drag ${sliders}: the images follow. Tap an image for its recipe.`
      : `Drag ${sliders}: the images follow, with Shift by hundredths between two seeds. Click an image for its recipe.`;
  }
}
