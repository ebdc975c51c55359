import type { ModelInfo } from '../../engine/protocol';
import { counted } from '../../lib/words';
import { openedFacts } from '../../state/models';
import { useApp, useModel } from '../../state/react';
import { formatBytes, formatCount } from '../../ui/format';
import { StartSigma } from '../../ui/StartSigma';
import { MeasureButton, Measured } from './Measure';

export function OpenedModel({ info }: { info: ModelInfo }) {
  const { controller, stores } = useApp();
  const inUse = useModel()?.key === info.key;
  const role = { student: 'one-step student', teacher: 'diffusion teacher', unknown: 'network' }[info.role];
  return (
    <article className="opened">
      <h3>
        <code>{info.name}</code>
        <span className={inUse ? 'state here' : 'state'}>{inUse ? 'In use' : 'Opened'}</span>
      </h3>
      <p className="secondary">
        {info.architecture}, {role}, {formatCount(info.parameters)} parameters, {info.resolution} ×{' '}
        {info.resolution}, {info.labelDim > 0 ? counted(info.labelDim, 'class', 'classes') : 'no classes'}
      </p>
      <p className="caption">
        {formatBytes(info.bytes)}, {info.precond}, {info.licence ?? 'licence not stated'}
      </p>
      {info.notes.map((note) => (
        <p key={note} className="caption">
          {note}
        </p>
      ))}
      <StartSigma
        value={info.sigma}
        from={info.sigmaFrom}
        onChange={(sigma) => void controller.setStartSigma(info.key, sigma)}
      />
      <Measured model={info} />
      <div className="actions">
        <button
          type="button"
          className="button"
          aria-label={inUse ? `Show ${info.name}` : `Use ${info.name}`}
          onClick={() => {
            controller.selectModel(info.key);
            stores.view.setState({ tab: 'generate' });
          }}
        >
          {inUse ? 'Show' : 'Use'}
        </button>
        <MeasureButton model={openedFacts(info)} />
        <button
          type="button"
          className="button quiet"
          aria-label={`Forget ${info.name}`}
          onClick={() => void controller.forget(info.key)}
        >
          Forget
        </button>
      </div>
    </article>
  );
}
