import { counted } from '../../lib/words';
import { useApp } from '../../state/react';
import { type CatalogueModel, fileSize, labelCount } from '../../storage/catalogue';
import { copyText } from '../../ui/copy-text';
import { formatBytes, formatCount } from '../../ui/format';

interface Props {
  title: string;
  about: string;
  models: CatalogueModel[];
}

/** Checkpoints on other sites. The page shows where they are; it never fetches them. */
export function PublicTable({ title, about, models }: Props) {
  if (models.length === 0) return null;
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      <p className="secondary">{about}</p>
      <table className="public-table">
        <thead>
          <tr>
            <th scope="col">Checkpoint</th>
            <th scope="col">Data</th>
            <th scope="col">Parameters</th>
            <th scope="col">File</th>
            <th scope="col">Licence</th>
            <th scope="col">
              <span className="hidden-text">Address</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {models.map((model) => (
            <PublicRow key={model.id} model={model} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function PublicRow({ model }: { model: CatalogueModel }) {
  const { announce } = useApp();
  const file = model.files[0];
  const url = file?.url;
  const how = model.provenance.how;
  const labels = labelCount(model);
  const classes = labels > 0 ? counted(labels, 'class', 'classes') : 'no classes';
  const size = fileSize(model);
  const copy = async (text: string) =>
    announce((await copyText(text)) ? 'Address copied' : 'The browser did not allow copying');
  return (
    <tr>
      <td>
        <strong>{model.name}</strong>
        {url && (
          <a className="address" href={url} target="_blank" rel="noreferrer">
            {url.replace(/^https:\/\//, '')}
          </a>
        )}
        {typeof how === 'string' && <span className="caption how">{how}.</span>}
      </td>
      <td data-label="Data">
        {model.resolution} × {model.resolution}, {classes}
      </td>
      <td data-label="Parameters">{model.parameters ? formatCount(model.parameters) : 'Not stated'}</td>
      <td data-label="File">
        {size === null ? (
          'Size not stated'
        ) : size.estimated ? (
          <>
            About {formatBytes(size.bytes)}
            <span className="caption">, estimated from its parameters</span>
          </>
        ) : (
          formatBytes(size.bytes)
        )}
      </td>
      <td data-label="Licence">{model.licence}</td>
      <td>
        {url && (
          <button
            type="button"
            className="button"
            aria-label={`Copy address of ${model.name}`}
            onClick={() => void copy(url)}
          >
            Copy address
          </button>
        )}
      </td>
    </tr>
  );
}
