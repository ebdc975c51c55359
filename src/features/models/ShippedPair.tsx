import { ownSampler } from '../../lib/sampling';
import { counted, sentence } from '../../lib/words';
import { catalogueFacts } from '../../state/models';
import type { Pair } from '../../state/models/browse';
import { useApp, useCatalogue, useModel } from '../../state/react';
import { type CatalogueModel, labelCount, type Quality } from '../../storage/catalogue';
import { formatBytes, formatCount, formatWhole } from '../../ui/format';
import { Sprite } from '../../ui/Sprite';
import { MeasureButton, Measured } from './Measure';

/** A tile of 64 px each, four beside each other: the module of the side panels. */
const TILES = [0, 1, 2, 3, 4, 5, 6, 7];

/** A student that comes with the page, and its teacher: they work at once. */
export function ShippedPair({ pair: { student, teacher } }: { pair: Pair }) {
  const catalogue = useCatalogue();
  const inUse = useModel()?.key;
  const models = [student, teacher].filter((m) => m !== null);
  const [first] = models;
  if (!catalogue || !first) return null;
  const { preview, bytes } = catalogueFacts(catalogue, first);
  const title = first.name.split(',')[0];
  const labels = labelCount(first);
  const features = [...new Set(models.flatMap((m) => m.quality.map((q) => q.features)))];
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
        {title}, small {models.length > 1 ? 'pair' : 'network'}
        <span className="state here">{models.some((m) => m.id === inUse) ? 'In use' : 'Shipped'}</span>
      </h3>
      <p className="caption">
        {first.resolution} × {first.resolution},{' '}
        {labels > 0 ? counted(labels, 'class', 'classes') : 'no classes'}, {formatCount(first.parameters)}{' '}
        parameters{bytes === null ? '' : `, ${formatBytes(bytes)}`}
      </p>
      {models.map((model) => (
        <Shipped key={model.id} model={model} />
      ))}
      <p className="caption">
        {features.length > 0 && `FD on features of ${features.join('; ')}. `}
        {first.licence}.
      </p>
    </article>
  );
}

function Shipped({ model }: { model: CatalogueModel }) {
  const { controller } = useApp();
  const catalogue = useCatalogue()!;
  const inUse = useModel()?.key === model.id;
  const facts = catalogueFacts(catalogue, model);
  return (
    <div className="shipped">
      <p className="shipped-name">
        <i className={`swatch is-${model.role}`} aria-hidden />
        {ownName(model)}
      </p>
      {model.quality.map((q) => (
        <p key={q.sampler} className="caption">
          {qualityLine(q)}
        </p>
      ))}
      <Measured model={facts} />
      <div className="actions">
        <button
          type="button"
          className="button"
          aria-label={inUse ? `Show ${model.name}` : `Use ${model.name}`}
          onClick={() => controller.use(model.id)}
        >
          {inUse ? 'Show' : 'Use'}
        </button>
        <MeasureButton model={facts} />
      </div>
    </div>
  );
}

/** "Cats, one step (GDD-I)" under the heading Cats. */
function ownName({ name, role, sigma_mid }: CatalogueModel): string {
  const own = name.slice(name.indexOf(',') + 1).trim();
  if (!name.includes(','))
    return role === 'teacher'
      ? 'Diffusion teacher'
      : sentence(`${ownSampler({ sigmaMid: sigma_mid ?? null })} student`);
  return own.charAt(0).toUpperCase() + own.slice(1);
}

/** What the distance was measured with stands under the pair. */
function qualityLine(q: Quality): string {
  const floor = q.floor === null ? '' : `, floor ${q.floor}`;
  return `FD ${q.value} at ${q.nfe} NFE${floor}, n = ${formatWhole(q.n)}`;
}
