import { X } from 'lucide-react';
import { sigmaText } from '../../state/layers/summary';
import { GUIDE_STEPS, type LayersView } from '../../state/layers/view';
import { Shot, type ShownLooks } from './Detail';
import { GUIDE, type GuideShot } from './guide-steps';
import type { Findings, Pair } from './types';
import { useLayersController } from './use-layers';
import './Guide.css';

interface Props extends ShownLooks {
  findings: Findings | null;
  pair: Pair;
  view: LayersView;
}

/** A few steps above the map, with live pictures. It can be left at any time and never covers anything. */
export function Guide({ findings, looks, awaited, pair, view }: Props) {
  const layers = useLayersController();
  const go = (to: number) => layers.set({ ...(to > 0 ? GUIDE[to - 1]!.view : {}), guide: to });
  if (view.guide === 0)
    return (
      <p className="guide-closed">
        <button type="button" className="button quiet" onClick={() => go(1)}>
          Guide: what is this?
        </button>
      </p>
    );
  const step = GUIDE[view.guide - 1]!;
  return (
    <section className="guide" aria-label="Guide">
      <ol aria-label={`Step ${view.guide} of ${GUIDE_STEPS}`}>
        {GUIDE.map((s, i) => (
          <li
            key={s.title}
            className={i + 1 < view.guide ? 'done' : undefined}
            aria-current={i + 1 === view.guide ? 'step' : undefined}
          />
        ))}
      </ol>
      <p aria-live="polite">
        <strong>
          {view.guide} of {GUIDE_STEPS}. {step.title}
        </strong>{' '}
        {step.text(findings)}
      </p>
      {step.shots.length > 0 && (
        <div className="guide-shots">
          {step.shots.map((shot) => (
            <Shot
              key={shot}
              picture={looks[shot]}
              awaited={awaited.has(shot)}
              name={`Guide: ${caption(shot, looks[shot]?.of.sigma ?? view.at, pair)}`}
              size={64}
            >
              {caption(shot, view.at, pair)}
            </Shot>
          ))}
        </div>
      )}
      <div className="guide-buttons">
        <button
          type="button"
          className="button quiet"
          disabled={view.guide === 1}
          onClick={() => go(view.guide - 1)}
        >
          Back
        </button>
        {view.guide < GUIDE_STEPS ? (
          <button type="button" className="button" onClick={() => go(view.guide + 1)}>
            Next
          </button>
        ) : (
          <button type="button" className="button" onClick={() => go(0)}>
            Done
          </button>
        )}
        <button
          type="button"
          className="icon-button"
          aria-label="Close guide"
          title="Close guide"
          onClick={() => go(0)}
        >
          <X aria-hidden />
        </button>
      </div>
    </section>
  );
}

function caption(shot: GuideShot, at: number, pair: Pair): string {
  const teacher = pair.student ? 'Teacher' : 'Network';
  return {
    input: `Noise ${sigmaText(at)}`,
    denoised: at >= 79 ? `${teacher}, 1 step` : `${teacher}’s guess`,
    oneStep: 'Student, 1 step',
    sampled: `${teacher}, 18 steps`,
  }[shot];
}
