import { Play } from 'lucide-react';
import { isUnderWay } from '../../state/distil';
import { METHOD_NAMES, obstacle } from '../../state/distil-setup';
import { useApp, useDistil, useEngine } from '../../state/react';
import { formatDuration, formatValue, formatWhole } from '../../ui/format';
import { useSetup } from './use-setup';

/** What the run will cost, as far as that is known, and the one button. */
export function StartBar() {
  const { controller } = useApp();
  const setup = useSetup();
  const { packs, packsError, last } = useDistil((s) => ({
    packs: s.packs,
    packsError: s.packsError,
    last: s.run,
  }));
  const backend = useEngine((s) => s.status?.backend ?? null);
  const { config, teacher } = setup;
  const waiting = !teacher || (packs === null && packsError === null) || !backend;
  const problem = waiting ? null : obstacle(setup);
  const busy = isUnderWay(last);
  const known =
    last?.pace && last.teacher.key === teacher?.key && last.request.config.batch === config.batch
      ? last.pace
      : null;
  return (
    <div className="start-bar">
      <div className="start-text">
        <p>
          <strong>
            {formatWhole(config.images)} images, {METHOD_NAMES[config.method]}
          </strong>
          , {formatWhole(Math.ceil(config.images / config.batch))} steps of {config.batch}.
        </p>
        {known === null && <p className="caption">{speed(backend, config.batch)}</p>}
        <p className="caption">
          A run lives as long as this page: it does not save itself yet. Stop it at any time; the student so
          far is kept.
        </p>
      </div>
      {known !== null && (
        <div className="start-estimate">
          <p className="caption">Estimated time</p>
          <p className="reading">{formatDuration(config.images / known)}</p>
          <p className="caption">{formatValue(known)} images/s, measured in the last run</p>
        </div>
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

function speed(backend: { name: string; software: boolean } | null, batch: number): string {
  if (!backend) return 'The engine is starting.';
  if (backend.name === 'webgpu' && !backend.software)
    return 'The speed is measured from the second step on: the first one compiles shaders.';
  const where = backend.name === 'webgpu' ? 'A software adapter' : 'WebAssembly';
  return `${where} is slow at this: a step of ${batch} images can take many seconds. A graphics card with WebGPU is many times faster.`;
}
