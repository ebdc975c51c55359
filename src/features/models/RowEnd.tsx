import { Trash2 } from 'lucide-react';
import { isByHand, type RowActions, type RowState } from '../../state/models/rows';
import { useApp, useModel } from '../../state/react';
import { type CatalogueModel, fileSize, hostOf } from '../../storage/catalogue';
import { progressWords } from '../../ui/download-words';
import { formatBytes } from '../../ui/format';

interface Props {
  model: CatalogueModel;
  state: RowState;
  /** What the button that opens the row's details says of itself. */
  disclosure: { 'aria-expanded': boolean; 'aria-controls': string | undefined };
  onDetails: () => void;
}

/** A row's right end: where the model stands, and the one thing to do about it. */
export function RowEnd(props: Props) {
  const { rows } = useApp().controller;
  return (
    <div className="row-end-inside">
      <State {...props} actions={rows} />
    </div>
  );
}

function State({ model, state, actions, disclosure, onDetails }: Props & { actions: RowActions | null }) {
  const host = hostOf(model);
  const how = (
    <button
      type="button"
      className="button"
      aria-label={`How to get ${model.name}`}
      onClick={onDetails}
      {...disclosure}
    >
      How
    </button>
  );
  if (isByHand(model, state, actions))
    return (
      <>
        <span className="state">By hand</span>
        <span className="caption host">{host}</span>
        {how}
      </>
    );
  if (state.kind === 'here') return <Here model={model} bytes={state.bytes} />;
  if (!actions) return null; // this page downloads nothing
  switch (state.kind) {
    case 'not-here':
    case 'manual':
      return <NotHere model={model} host={host ?? ''} actions={actions} />;
    default:
      return <Download model={model} state={state} actions={actions} />;
  }
}

interface ActionProps {
  model: CatalogueModel;
  actions: RowActions;
}

function NotHere({ model, host, actions }: ActionProps & { host: string }) {
  const size = fileSize(model);
  const bytes = size && formatBytes(size.bytes);
  const spoken = size ? `${size.estimated ? 'about ' : ''}${bytes}` : 'size not known';
  return (
    <>
      <span className="caption host">{host}</span>
      <button
        type="button"
        className="button"
        aria-label={`Download ${model.name} from ${host}, ${spoken}`}
        title={size?.estimated ? 'Estimated from its parameters' : undefined}
        onClick={() => actions.download(model.id)}
      >
        Download{size && ` ${size.estimated ? '≈ ' : ''}${bytes}`}
      </button>
    </>
  );
}

function Here({ model, bytes }: { model: CatalogueModel; bytes: number }) {
  const { controller } = useApp();
  const inUse = useModel()?.key === model.id;
  return (
    <>
      <span className="state here">
        {inUse ? 'In use' : 'On this device'}, {formatBytes(bytes)}
      </span>
      <button
        type="button"
        className="button"
        aria-label={`${inUse ? 'Show' : 'Use'} ${model.name}`}
        onClick={() => controller.use(model.id)}
      >
        {inUse ? 'Show' : 'Use'}
      </button>
    </>
  );
}

type Unfinished = Extract<RowState, { kind: 'downloading' | 'broken' }>;

function Download({ model, state, actions }: ActionProps & { state: Unfinished }) {
  const { amount, left, share } = progressWords(state);
  const live = state.kind === 'downloading';
  return (
    <>
      <span
        className={live ? 'download' : 'download stopped'}
        role="progressbar"
        aria-label={`Download of ${model.name}`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={share === null ? undefined : Math.round(share * 100)}
        aria-valuetext={[amount, left].filter(Boolean).join(', ')}
      >
        <span>{amount}</span>
        <span className="caption">{left}</span>
        <i>
          <i style={{ inlineSize: `${100 * (share ?? 0)}%` }} />
        </i>
      </span>
      {live ? (
        <button
          type="button"
          className="button"
          aria-label={`Cancel the download of ${model.name}`}
          onClick={() => actions.cancel(model.id)}
        >
          Cancel
        </button>
      ) : (
        <>
          <button
            type="button"
            className="icon-button"
            aria-label={`Delete the part of ${model.name}`}
            title={`Delete the part of ${model.name}`}
            onClick={() => actions.remove(model.id)}
          >
            <Trash2 aria-hidden />
          </button>
          <button
            type="button"
            className="button"
            aria-label={`Resume the download of ${model.name}`}
            onClick={() => actions.resume(model.id)}
          >
            Resume
          </button>
        </>
      )}
    </>
  );
}
