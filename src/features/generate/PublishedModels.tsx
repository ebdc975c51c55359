import { useStore } from 'zustand';
import { type Published, published } from '../../state/models/published';
import { useApp, useCatalogue, useModel } from '../../state/react';
import { fileSize, hostOf } from '../../storage/catalogue';
import { progressWords } from '../../ui/download-words';
import { formatBytes } from '../../ui/format';

/** The published one-step models, one for each data set: shown where they are here, else the dialog that downloads them. */
export function PublishedModels() {
  const { controller, stores } = useApp();
  const catalogue = useCatalogue();
  const states = useStore(stores.rows, (s) => s.rows);
  if (!catalogue) return null;
  const found = published(catalogue.models, states, controller.rows);
  if (found.length === 0) return null;
  return (
    <div className="published">
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for fields */}
      <p role="group" aria-labelledby="published-title">
        <span id="published-title" className="published-title">
          Published one-step models{found.every(({ state }) => state.kind === 'not-here') && ' to download'}
        </span>
        {found.map((item) => (
          <Item key={item.title} item={item} />
        ))}
      </p>
      {found.map((item) => apart(item) && <Coming key={item.title} item={item} state={apart(item)!} />)}
    </div>
  );
}

const unfinished = ({ state }: Published) =>
  state.kind === 'downloading' || state.kind === 'broken' ? state : null;

/** What is to be said of it here: the shell tells of a download of this tab. */
const apart = (item: Published) => {
  const state = unfinished(item);
  return state?.kind === 'downloading' && !state.elsewhere ? null : state;
};

function Item({ item: { title, model, state } }: { item: Published }) {
  const { controller, stores } = useApp();
  const inUse = useModel()?.key === model.id;
  const part = unfinished({ title, model, state });
  const press = () => {
    if (state.kind === 'here') controller.use(model.id);
    else if (part) stores.view.setState({ tab: 'models' });
    else controller.rows?.download(model.id);
  };
  const size = fileSize(model);
  const download = `Download ${model.name} from ${hostOf(model)}, ${size ? `${size.estimated ? 'about ' : ''}${formatBytes(size.bytes)}` : 'size not known'}`;
  const does = state.kind === 'here' ? `Use ${model.name}` : part ? `${model.name} in Models` : download;
  return (
    <button
      type="button"
      className="link"
      aria-current={inUse || undefined}
      aria-label={`${title}: ${does}`}
      title={does}
      onClick={press}
    >
      {title}
    </button>
  );
}

function Coming({
  item: { model },
  state,
}: {
  item: Published;
  state: NonNullable<ReturnType<typeof unfinished>>;
}) {
  const { controller } = useApp();
  const { amount, left, share } = progressWords(state);
  const live = state.kind === 'downloading';
  return (
    <div className={live ? 'published-coming' : 'published-coming stopped'}>
      <progress aria-label={`Download of ${model.name}`} value={share ?? undefined} />
      <span className="caption">
        {model.name}: {[amount, left].filter(Boolean).join(', ')}
      </span>
      <button
        type="button"
        className="link"
        aria-label={live ? `Cancel the download of ${model.name}` : `Resume the download of ${model.name}`}
        onClick={() => (live ? controller.rows?.cancel(model.id) : controller.rows?.resume(model.id))}
      >
        {live ? 'Cancel' : 'Resume'}
      </button>
    </div>
  );
}
