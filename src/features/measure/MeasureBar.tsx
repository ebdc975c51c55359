import { ChevronLeft, Pause, Play } from 'lucide-react';
import { counted, sentence } from '../../lib/words';
import { setsOf } from '../../protocol/measure';
import { isUnderWay } from '../../state/distil/store';
import { totalOf } from '../../state/measure/controller';
import type { MeasureWork, PendingMeasure } from '../../state/measure/store';
import { useExtras, useMeasuring } from '../../state/measure/use-measuring';
import type { ModelFacts } from '../../state/models';
import { useApp, useDistil, useMeasure, useStepProgress } from '../../state/react';
import { formatDuration, formatWhole } from '../../ui/format';
import type { Choices } from './choices';

interface Props {
  model: ModelFacts;
  choices: Choices;
}

/** Where the measurement stands, and what can be done about it. */
export function MeasureBar({ model, choices }: Props) {
  const { stores } = useApp();
  const { work, pending } = useMeasure((s) => ({ work: s.work, pending: s.pending }));
  const mine = work?.key === model.key;
  const waits = pending?.key === model.key && !mine;
  return (
    <div className="measure-bar">
      <div>
        <h1>
          <button
            type="button"
            className="measure-back"
            onClick={() => stores.measure.setState({ shown: null })}
          >
            <ChevronLeft aria-hidden />
            Models
          </button>
        </h1>
        <p className="caption">Measure {model.name}</p>
      </div>
      {mine ? (
        <Progress work={work} pending={pending} />
      ) : waits ? (
        <p className="secondary">
          Interrupted behind {formatWhole(pending.done)} of {counted(totalOf(pending.how), 'image')}, with{' '}
          {pending.data.name}. It goes on to the same numbers.
        </p>
      ) : (
        <Waiting choices={choices} />
      )}
      <Buttons model={model} choices={choices} mine={mine} waits={waits} />
    </div>
  );
}

/** Without private files a measurement lasts as long as its page. */
const savesFiles = typeof navigator !== 'undefined' && typeof navigator.storage?.getDirectory === 'function';

function Waiting({ choices: { real, how } }: Pick<Props, 'choices'>) {
  const inception = useExtras((s) => s.inception);
  const busy = useDistil((s) => isUnderWay(s.run));
  const { work, pending } = useMeasure((s) => ({ work: s.work, pending: s.pending }));
  const said =
    how.features === 'inception' && inception === null
      ? 'Start waits for the Inception file; the other features need none. Nothing leaves this machine.'
      : !real
        ? 'Start waits for real images.'
        : work
          ? 'Another model is being measured.'
          : pending
            ? `Start gives up what is saved of ${pending.name}.`
            : busy
              ? 'A run is in progress, so both take longer.'
              : 'Images of Generate come in between. Nothing leaves this machine.';
  return <p className="secondary">{said}</p>;
}

function Progress({ work, pending }: { work: MeasureWork; pending: PendingMeasure | null }) {
  const { progress } = work;
  const left = useStepProgress('measuring')?.left ?? null;
  const generating = progress?.what === 'generating' && pending !== null;
  const share = progress && progress.total > 0 ? progress.done / progress.total : null;
  const rate = left !== null && progress && left > 0 ? (progress.total - progress.done) / left : null;
  return (
    <div className="measure-progress">
      <span>
        {!progress ? (
          <b>Preparing</b>
        ) : generating ? (
          <SetLine pending={pending} done={progress.done} />
        ) : (
          <>
            <b>{sentence(progress.what)}</b>
            {progress.unit === 'images' && progress.total > 0
              ? `, ${formatWhole(progress.done)} of ${formatWhole(progress.total)}`
              : ''}
          </>
        )}
      </span>
      <span className="measure-facts secondary">
        {left !== null && <span>{formatDuration(left)} left</span>}
        {rate !== null && <span>{rate < 10 ? rate.toFixed(1) : formatWhole(rate)} a second</span>}
        {savesFiles && <span>Saved; you may close the tab</span>}
      </span>
      <div
        className="track"
        role="progressbar"
        aria-label={progress?.what ?? 'Preparing'}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={share === null ? undefined : Math.round(100 * share)}
      >
        <i style={{ inlineSize: `${100 * (share ?? 0)}%` }} />
      </div>
    </div>
  );
}

function SetLine({ pending: { how }, done }: { pending: PendingMeasure; done: number }) {
  const { perSet, sets } = setsOf(how.protocol, how.count);
  const set = Math.min(sets - 1, Math.floor(done / perSet));
  return (
    <>
      {sets > 1 && (
        <b>
          Set {set + 1} of {sets},{' '}
        </b>
      )}
      {formatWhole(done - set * perSet)} of {counted(perSet, 'image')}
    </>
  );
}

function Buttons({ model, choices, mine, waits }: Props & { mine: boolean; waits: boolean }) {
  const measuring = useMeasuring();
  const inception = useExtras((s) => s.inception);
  const { busy, pending } = useMeasure((s) => ({ busy: s.work !== null, pending: s.pending }));
  const { real, how } = choices;
  const lacksFile = (features: string | undefined) => features === 'inception' && inception === null;
  if (mine)
    return (
      <div className="measure-buttons">
        <button type="button" className="button primary" onClick={() => measuring.pause()}>
          <Pause aria-hidden />
          Pause
        </button>
        <button type="button" className="button" onClick={() => void measuring.cancel()}>
          Cancel
        </button>
      </div>
    );
  if (waits)
    return (
      <div className="measure-buttons">
        <button
          type="button"
          className="button primary"
          disabled={busy || lacksFile(pending?.how.features)}
          onClick={() => void measuring.resume(model, choices.statistics ? choices.real : choices.own)}
        >
          <Play aria-hidden />
          Go on
        </button>
        <button type="button" className="button" onClick={() => void measuring.cancel()}>
          Discard
        </button>
      </div>
    );
  return (
    <div className="measure-buttons">
      <button
        type="button"
        className="button primary"
        disabled={!real || busy || lacksFile(how.features)}
        onClick={() => void measuring.start(model, real!, how)}
      >
        <Play aria-hidden />
        Start
      </button>
    </div>
  );
}
