import { Play, X } from 'lucide-react';
import { useState } from 'react';
import { memberSetup } from '../../../state/distil/series/controller';
import { isFast } from '../../../state/distil/settings';
import { costOf, estimateKey } from '../../../state/distil/setup';
import { isUnderWay } from '../../../state/distil/store';
import { useApp, useDistil, useEngine, useSeries } from '../../../state/react';
import { formatDuration, formatWhole } from '../../../ui/format';
import { NumberField } from '../../../ui/NumberField';
import { useSetup } from '../use-setup';

/** Images of each run: enough to tell choices apart, and minutes on the machine it is. */
const IMAGES = { fast: 1_600, slow: 480 };
/** Shares of a run at which it is measured, beside its early points. */
const MEASURED = 2;

/** Choices that were collected, and the button that makes a run of each on one budget. */
export function Tries() {
  const { controller } = useApp();
  const setup = useSetup();
  const tries = useSeries((s) => s.tries);
  const busy = useDistil((s) => isUnderWay(s.run));
  const backend = useEngine((s) => s.status?.backend ?? null);
  const fast = useEngine(isFast);
  const estimate = useDistil((s) => s.estimate);
  const [typed, setTyped] = useState<number | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const images = typed ?? (fast ? IMAGES.fast : IMAGES.slow);
  const shared = {
    name: 'What trains',
    // The rates rise over as small a part of a short run as of a long one.
    changes: { images, warmUp: Math.min(setup.config.warmUp, Math.ceil(images / 4)) },
    measureEvery: Math.max(setup.config.batch, Math.ceil(images / MEASURED)),
  };
  const measured = estimate?.key === estimateKey(setup, backend) ? estimate?.value : null;
  const each = measured && costOf(measured, memberSetup(setup, shared, {})).seconds;
  const waiting = estimate !== null && !estimate.value && !estimate.error;
  return (
    <section className="tries" aria-label="Choices to try">
      {tries.length === 0 ? (
        <p className="caption">
          Add two or more choices to the list: each gets a short run on the same images, seeds and budget, and
          a table compares them.
        </p>
      ) : (
        <ul>
          {tries.map(({ label }, i) => (
            <li key={label}>
              <span>{label}</span>
              <button
                type="button"
                className="icon-button"
                aria-label={`Remove ${label}`}
                title={`Remove ${label}`}
                onClick={() => controller.distil.removeTry(i)}
              >
                <X aria-hidden />
              </button>
            </li>
          ))}
        </ul>
      )}
      {tries.length > 0 && (
        <div className="tries-budget">
          <span>
            Images each <span className="caption">distances of n {formatWhole(setup.measureImages)}</span>
          </span>
          <NumberField
            label="Images each"
            value={images}
            min={setup.config.batch}
            max={1_000_000}
            step={setup.config.batch}
            whole
            onCommit={setTyped}
          />
          {each ? (
            <p className="caption" role="status">
              About {formatDuration(each * tries.length)} for {tries.length}{' '}
              {tries.length === 1 ? 'run' : 'runs'}, from a step as it is set now.
            </p>
          ) : (
            <button
              type="button"
              className="button"
              disabled={busy || waiting}
              onClick={() => void controller.distil.estimate()}
            >
              {waiting ? 'Measuring a step' : 'Estimate the time'}
            </button>
          )}
          <button
            type="button"
            className="button"
            disabled={busy || tries.length < 2}
            title={tries.length < 2 ? 'Add another choice to compare with' : undefined}
            onClick={() => setProblem(controller.distil.startSeries(tries, shared))}
          >
            <Play aria-hidden />
            Try these {tries.length}
          </button>
        </div>
      )}
      {problem && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
    </section>
  );
}
