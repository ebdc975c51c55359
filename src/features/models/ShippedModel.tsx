import { counted } from '../../lib/words';
import { catalogueFacts } from '../../state/models';
import { useApp, useModel } from '../../state/react';
import { type Catalogue, type CatalogueModel, labelCount, type Quality } from '../../storage/catalogue';
import { formatBytes, formatCount, formatWhole } from '../../ui/format';
import { Sprite } from '../../ui/Sprite';
import { MeasureButton, Measured } from './Measure';

/** A tile of 64 px each, four beside each other: the module of the side panels. */
const TILES = [0, 1, 2, 3, 4, 5, 6, 7];

export function ShippedModel({ catalogue, model }: { catalogue: Catalogue; model: CatalogueModel }) {
  const { controller, stores } = useApp();
  const inUse = useModel()?.key === model.id;
  const facts = catalogueFacts(catalogue, model);
  const { bytes, preview } = facts;
  const labels = labelCount(model);
  const classes = labels > 0 ? counted(labels, 'class', 'classes') : 'no classes';
  return (
    <article>
      {preview ? (
        <div className="mosaic">
          {TILES.map((index) => (
            <Sprite key={index} url={`models/${preview.path}`} {...preview} index={index} size={64} />
          ))}
        </div>
      ) : (
        <div className="mosaic blank">No preview images</div>
      )}
      <h3>
        {model.name}
        <span className={inUse ? 'state here' : 'state'}>{inUse ? 'In use' : 'Shipped'}</span>
      </h3>
      <p className="secondary">
        {classes}, {formatCount(model.parameters)} parameters, {model.resolution} × {model.resolution}
      </p>
      {model.quality.map((q) => (
        <p key={q.sampler} className="caption">
          {qualityLine(q)}
        </p>
      ))}
      <Measured model={facts} />
      <p className="caption">
        {bytes === null ? '' : `${formatBytes(bytes)}. `}
        {model.licence}
      </p>
      <div className="actions">
        <button
          type="button"
          className="button"
          aria-label={inUse ? `Show ${model.name}` : `Use ${model.name}`}
          onClick={() => {
            controller.selectModel(model.id);
            stores.view.setState({ tab: 'generate' });
          }}
        >
          {inUse ? 'Show' : 'Use'}
        </button>
        <MeasureButton model={facts} />
      </div>
    </article>
  );
}

/** What the distance was measured with stands under the heading (ModelsView). */
function qualityLine(q: Quality): string {
  const floor = q.floor === null ? '' : `, floor ${q.floor}`;
  return `FD ${q.value} at ${q.nfe} NFE${floor}, n = ${formatWhole(q.n)}`;
}
