import { useMemo, useState } from 'react';
import { MAX_SEED } from '../../rng/seeds';
import { tidySeed } from '../../state/generate/view';
import { useApp, useView } from '../../state/react';
import { Slider } from '../../ui/Slider';

const SPAN = 64;

/** The part of the seeds that the slider shows; it moves when the seed leaves it. */
function windowAround(seed: number, low: number): number {
  if (seed >= low && seed <= low + SPAN) return low;
  if (seed <= SPAN) return 0;
  return Math.min(MAX_SEED - SPAN, Math.max(0, Math.floor(seed) - SPAN / 2));
}

export function SeedControl() {
  const { stores } = useApp();
  const seed = useView((v) => v.seed);
  const [low, setLow] = useState(0);
  const shown = windowAround(seed, low);
  if (shown !== low) setLow(shown); // derived from the seed and from where the window was
  const ticks = useMemo(
    () =>
      Array.from({ length: SPAN / 2 + 1 }, (_, i) => {
        const value = shown + 2 * i;
        // Long numbers need room: five labels, three, or the ends alone.
        const labels = shown < 1e4 ? 16 : shown < 1e8 ? 32 : 64;
        return (2 * i) % labels === 0 ? { value, label: String(value) } : { value };
      }),
    [shown],
  );
  const set = (value: number) => stores.view.setState({ seed: tidySeed(value) });
  return (
    <Slider
      label="Seed"
      value={seed}
      min={shown}
      max={shown + SPAN}
      limits={{ min: 0, max: MAX_SEED }}
      step={1}
      fine={0.01}
      ticks={ticks}
      onChange={set}
      reset={{ label: 'Reset to seed 0', changed: seed !== 0, onReset: () => set(0) }}
    />
  );
}
