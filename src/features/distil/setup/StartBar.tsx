import { Gauge, Play } from 'lucide-react';
import { methodText } from '../../../state/distil/fields';
import { costOf, estimateKey, obstacle } from '../../../state/distil/setup';
import { isUnderWay } from '../../../state/distil/store';
import { useApp, useDistil, useEngine } from '../../../state/react';
import { formatBytes, formatDuration, formatValue, formatWhole } from '../../../ui/format';
import { useSetup } from '../use-setup';

/** What the run will cost, as far as that is known, and the one button. */
export function StartBar() {
  const { controller } = useApp();
  const setup = useSetup();
  const { packs, packsError, last, runs } = useDistil((s) => ({
    packs: s.packs,
    packsError: s.packsError,
    last: s.run,
    runs: (s.runs?.length ?? 0) + s.unreadable.length,
  }));
  const backend = useEngine((s) => s.status?.backend ?? null);
  const { config, teacher } = setup;
  const waiting = !teacher || (packs === null && packsError === null) || !backend;
  const problem = waiting ? null : obstacle(setup);
  const busy = isUnderWay(last);
  return (
    <div className="start-bar">
      <div className="start-text">
        <p>
          <strong>
            {formatWhole(config.images)} images, {methodText(config)}
          </strong>
          , {formatWhole(Math.ceil(config.images / config.batch))} steps of {config.batch}.
        </p>
        <p className="caption">{speed(backend, config.batch)}</p>
        <p className="caption">
          You see images from the first step on: a blur, then ugly before good. A falling distance says that
          it goes well. Stop at any time: the run saves itself and can go on later.
        </p>
      </div>
      <Estimate disabled={waiting || problem !== null || busy} />
      {runs > 0 && (
        <button type="button" className="button" onClick={() => controller.distil.show('runs')}>
          Runs ({runs})
        </button>
      )}
      {last && (
        <button type="button" className="button" onClick={() => controller.distil.show('run')}>
          {busy ? 'Back to the run' : 'Show the last run'}
        </button>
      )}
      <div className="distil-dock">
        {problem && (
          <p className="problem" role="alert">
            {problem}
          </p>
        )}
        <button
          type="button"
          className="button primary"
          disabled={waiting || problem !== null || busy}
          onClick={controller.distil.start}
        >
          <Play aria-hidden />
          Start
        </button>
      </div>
    </div>
  );
}

/** Time and memory, from a measured step; offers smaller parts where they would not fit. */
function Estimate({ disabled }: { disabled: boolean }) {
  const { controller } = useApp();
  const setup = useSetup();
  const backend = useEngine((s) => s.status?.backend ?? null);
  const estimate = useDistil((s) => s.estimate);
  const current = estimate?.key === estimateKey(setup, backend) ? estimate : null;
  const measuring = estimate !== null && !estimate.value && !estimate.error;
  if (!current?.value)
    return (
      <div className="start-estimate">
        {current?.error && <p className="problem">{current.error}</p>}
        <button
          type="button"
          className="button"
          disabled={disabled || measuring}
          onClick={() => void controller.distil.estimate()}
        >
          <Gauge aria-hidden />
          {measuring ? 'Measuring a step' : 'Estimate time and memory'}
        </button>
      </div>
    );
  const { value } = current;
  const { seconds, bytes, fits, smaller } = costOf(value, setup);
  return (
    <div className="start-estimate">
      <p className="caption">
        Estimated from a step of {value.measuredImages} images; corrected while it runs
      </p>
      <p className="reading">
        {formatDuration(seconds)}
        <small>{formatBytes(bytes)} within a step</small>
      </p>
      <p className="caption">
        Memory is {formatBytes(value.heldBytes)} between steps
        {value.limitBytes !== null && `; WebAssembly can have ${formatBytes(value.limitBytes)}`}.
      </p>
      {fits ? (
        <p className="caption">
          {formatValue(setup.config.images / seconds)} images/s, samples and distances included
        </p>
      ) : (
        <p className="caption problem" role="alert">
          A batch of {formatWhole(setup.config.batch)} does not fit into memory.{' '}
          {smaller === null ? (
            'Choose a smaller network.'
          ) : (
            <>
              <button
                type="button"
                className="button"
                onClick={() => controller.distil.configure({ microBatch: smaller })}
              >
                Take it in parts of {formatWhole(smaller)}
              </button>{' '}
              The steps stay the same size; batch-norm statistics are then per part.
            </>
          )}
        </p>
      )}
      {value.limitBytes === null && (
        <p className="caption">
          The browser does not say how much memory the GPU has. Where it runs out, the run goes on in smaller
          parts.
        </p>
      )}
    </div>
  );
}

function speed(backend: { name: string; software: boolean } | null, batch: number): string {
  if (!backend) return 'The engine is starting.';
  if (backend.name === 'webgpu' && !backend.software) return 'On your graphics card.';
  return backend.name === 'webgpu'
    ? `A software adapter takes many seconds for a step of ${batch} images. WebAssembly is faster.`
    : `On the processor a step of ${batch} images takes some seconds, more at 64 × 64. A graphics card with WebGPU should be faster.`;
}
