import { PRECONDITIONINGS, type PrecondKind } from '../../lib/preconditioning';
import { ownSampler } from '../../lib/sampling';
import { counted } from '../../lib/words';
import type { ModelInfo } from '../../protocol/models';
import { FILE_KEY } from '../../state/arrival';
import { keepingKey } from '../../state/files/opened-files';
import { openedFacts } from '../../state/models';
import { useApp, useModel, useStepShare } from '../../state/react';
import { formatBytes, formatCount } from '../../ui/format';
import { StartSigma } from '../../ui/StartSigma';
import { MeasureButton, Measured } from './Measure';

export function OpenedModel({ info }: { info: ModelInfo }) {
  const { controller } = useApp();
  const inUse = useModel()?.key === info.key;
  const isFile = info.key.startsWith(FILE_KEY);
  const role = { student: `${ownSampler(info)} student`, teacher: 'diffusion teacher', unknown: 'network' }[
    info.role
  ];
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
      {isFile && <ReadAs info={info} />}
      <StartSigma
        value={info.sigma}
        from={info.sigmaFrom}
        second={info.sigmaMid}
        onChange={(sigma) => void controller.setStartSigma(info.key, sigma)}
      />
      <Measured model={info} />
      <div className="actions">
        <button
          type="button"
          className="button"
          aria-label={inUse ? `Show ${info.name}` : `Use ${info.name}`}
          onClick={() => controller.use(info.key)}
        >
          {inUse ? 'Show' : 'Use'}
        </button>
        <MeasureButton model={openedFacts(info)} />
        {isFile && <Keep info={info} />}
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

/** What a file may leave open: which of its networks is meant, and which formula wraps it. */
function ReadAs({ info }: { info: ModelInfo }) {
  const { controller } = useApp();
  const { key, name, entry, entries, precond } = info;
  return (
    <div className="read-as">
      {entries.length > 1 && (
        <label className="field">
          <span>Network in the file</span>
          <select
            className="select"
            aria-label={`Network in ${name}`}
            value={entry ?? ''}
            onChange={(event) => void controller.reread(key, { entry: event.currentTarget.value })}
          >
            {entries.map((label) => (
              <option key={label} value={label}>
                {label}
              </option>
            ))}
          </select>
        </label>
      )}
      <label className="field">
        <span>Preconditioning</span>
        <select
          className="select"
          aria-label={`Preconditioning of ${name}`}
          value={precond}
          onChange={(event) => {
            const kind = event.currentTarget.value as PrecondKind;
            void controller.reread(key, { ...(entry !== null && { entry }), precond: kind });
          }}
        >
          {PRECONDITIONINGS.map(({ kind, words }) => (
            <option key={kind} value={kind}>
              {kind}: {words}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

/** A file is forgotten when the page closes unless it is kept in this browser. */
function Keep({ info }: { info: ModelInfo }) {
  const { controller } = useApp();
  const { key, kept, name } = info;
  const copied = useStepShare(keepingKey(key));
  return (
    <button
      type="button"
      className="button"
      aria-pressed={kept}
      aria-label={`Keep ${name}`}
      title={
        kept
          ? 'A copy is in this browser and opens on the next visit; press to delete the copy'
          : `Copies the file into this browser (${formatBytes(info.bytes)}), so that it opens on the next visit`
      }
      disabled={copied !== null}
      onClick={() => void controller.keep(key, !kept)}
    >
      {copied !== null ? `Copying, ${Math.round(copied * 100)} %` : kept ? 'Kept here' : 'Keep'}
    </button>
  );
}
