import { type ReactNode, useState } from 'react';
import type { Checked } from '../../protocol/downloads';
import { checkingKey, type Downloads } from '../../state/models/downloads';
import { isByHand, type RowState } from '../../state/models/rows';
import { useApp, useStepShare } from '../../state/react';
import { type CatalogueModel, fileSize, hostOf, labelCount, paperUrl } from '../../storage/catalogue';
import { copyText } from '../../ui/copy-text';
import { formatBytes, formatCount, formatWhole } from '../../ui/format';

/** What else is known of a public model: where it is, under what licence, who says what of it. */
export function RowDetails({ model, state }: { model: CatalogueModel; state: RowState }) {
  const { announce, controller } = useApp();
  const { licence, provenance, reported } = model;
  const url = model.files[0]!.url!;
  const text = (value: unknown) => (typeof value === 'string' ? value : null);
  const byHand = isByHand(model, state, controller.rows);
  const copy = async () =>
    announce((await copyText(url)) ? 'Address copied' : 'The browser did not allow copying');
  return (
    <div className="details">
      {byHand && (
        <p>
          {text(provenance.how) ?? 'Open the address in your browser, save the file, then open it here'}.
          Nothing in it is run.
        </p>
      )}
      <dl>
        <Fact term="Address">
          <a className="address" href={url} target="_blank" rel="noreferrer">
            {url.replace(/^https:\/\//, '')}
          </a>
          <button
            type="button"
            className="button quiet"
            aria-label={`Copy address of ${model.name}`}
            onClick={() => void copy()}
          >
            Copy address
          </button>
        </Fact>
        <Fact term="File">{sizeText(model)}</Fact>
        <Fact term="Licence">{licence}</Fact>
        <Fact term="Network">{networkText(model)}</Fact>
        <Fact term="Paper">
          <Link href={paperUrl(model)}>{text(provenance.paper) ?? model.paper ?? 'not stated'}</Link>
        </Fact>
        {reported && (
          <Fact term="FID">
            {reported.value}
            {reported.nfe !== undefined && ` at ${reported.nfe} NFE`}, as reported:{' '}
            <Link href={reported.url}>{reported.source}</Link>
          </Fact>
        )}
        {text(provenance.note) && <Fact term="Note">{text(provenance.note)}</Fact>}
      </dl>
      {state.kind === 'here' && state.fetched && (
        <p className="caption">
          It was fetched to the machine that serves this page. <code>innate models remove {model.id}</code>{' '}
          deletes it there.
        </p>
      )}
      {state.kind === 'here' && !state.fetched && controller.rows && (
        <OnDevice model={model} rows={controller.rows} />
      )}
    </div>
  );
}

/** What can be done with a file that is in this browser. */
function OnDevice({ model: { id, name }, rows }: { model: CatalogueModel; rows: Downloads }) {
  const share = useStepShare(checkingKey(id));
  const [checked, setChecked] = useState<Checked | null>(null);
  return (
    <>
      <div className="actions">
        <button
          type="button"
          className="button"
          aria-label={`Check the file of ${name}`}
          title="Reads all of the file and compares its checksum with the one that was recorded"
          disabled={share !== null}
          onClick={() => void rows.check(id, name).then(setChecked)}
        >
          {share === null ? 'Check the file' : `Reading, ${Math.round(100 * share)} %`}
        </button>
        <button
          type="button"
          className="button"
          aria-label={`Delete ${name} from this device`}
          onClick={() => rows.remove(id)}
        >
          Delete from this device
        </button>
      </div>
      <p className="caption checked" role="status">
        {checked && (
          <>
            All of the file is as it was written: SHA-256 <code>{checked.sha256}</code>. The download that it
            was made from, {checked.source.name}, had <code>{checked.source.sha256}</code>.
          </>
        )}
      </p>
    </>
  );
}

function Fact({ term, children }: { term: string; children: ReactNode }) {
  return (
    <>
      <dt>{term}</dt>
      <dd>{children}</dd>
    </>
  );
}

function Link({ href, children }: { href: string | null; children: ReactNode }) {
  return href === null ? (
    children
  ) : (
    <a href={href} target="_blank" rel="noreferrer">
      {children}
    </a>
  );
}

function sizeText(model: CatalogueModel): string {
  const size = fileSize(model);
  const bytes = !size
    ? 'size not known'
    : size.estimated
      ? `about ${formatBytes(size.bytes)}, estimated from its parameters`
      : formatBytes(size.bytes);
  const checked = model.files[0]?.sha256 ? 'its checksum is known' : 'no checksum is known';
  return `${hostOf(model)}, ${bytes}; ${checked}`;
}

function networkText(model: CatalogueModel): string {
  const { architecture: a, parameters, precond } = model;
  const family =
    a.model_type === 'DhariwalUNet' ? 'ADM' : a.encoder_type === 'residual' ? 'NCSN++' : 'DDPM++';
  const labels = labelCount(model);
  const classes = labels > 0 ? `${formatWhole(labels)} classes` : 'no classes';
  return `${family}, ${formatCount(parameters)} parameters, ${classes}, ${precond}`;
}
