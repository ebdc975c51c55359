import { Fragment, useId, useState } from 'react';
import { type DataSetSection, rowHow, rowName } from '../../state/models/browse';
import { type RowStates, rowState } from '../../state/models/rows';
import { type CatalogueModel, labelCount } from '../../storage/catalogue';
import { RowDetails } from './RowDetails';
import { RowEnd } from './RowEnd';

interface Props {
  section: DataSetSection;
  /** Those of the section that are shown. */
  rows: readonly CatalogueModel[];
  states: RowStates;
}

/** The public models of a data set, one line each; the name opens what else is known of it. */
export function PublicTable({ section, rows, states }: Props) {
  return (
    <table className="public-table">
      <caption className="hidden-text">
        Public models of {section.title}: students, the best reported FID first, then teachers
      </caption>
      <thead>
        <tr>
          <th scope="col">Model</th>
          <th scope="col">How</th>
          <th scope="col" className="number-column">
            FID, as reported
          </th>
          <th scope="col">
            <span className="hidden-text">State and action</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((model) => (
          <Row key={model.id} model={model} section={section} states={states} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ model, section, states }: { model: CatalogueModel } & Omit<Props, 'rows'>) {
  const [open, setOpen] = useState(false);
  const details = useId();
  const state = rowState(model, states);
  const toggle = () => setOpen(!open);
  const name = rowName(model);
  const disclosure = { 'aria-expanded': open, 'aria-controls': open ? details : undefined };
  return (
    <Fragment>
      <tr className={open ? 'public-row open' : 'public-row'}>
        <th scope="row">
          <button
            type="button"
            className="row-name"
            title={`About ${model.name}`}
            onClick={toggle}
            {...disclosure}
          >
            <i className={`swatch is-${model.role}`} aria-hidden />
            {name}
            <span className="hidden-text">
              {' '}
              of {section.title}
              {labelCount(model) > 0 ? ', by class' : ''}
              {model.role === 'teacher' ? ', teacher' : ''}
            </span>
          </button>
        </th>
        <td className="row-how">{rowHow(model, section)}</td>
        <td className="number-column row-fid" data-label="FID">
          <Fid model={model} />
        </td>
        <td className="row-end">
          <RowEnd model={model} state={state} disclosure={disclosure} onDetails={toggle} />
        </td>
      </tr>
      {open && (
        <tr className="row-details">
          <td colSpan={4} id={details}>
            <RowDetails model={model} state={state} />
          </td>
        </tr>
      )}
    </Fragment>
  );
}

/** Digits as reported, aligned at the point. */
const DECIMALS = 3;

function Fid({ model }: { model: CatalogueModel }) {
  const { reported, nfe } = model;
  if (!reported)
    return (
      <span className="caption" title="Its authors report no FID of this file">
        not stated
      </span>
    );
  const [whole, decimals = ''] = String(reported.value).split('.');
  const at = reported.nfe !== undefined && reported.nfe !== nfe ? `at ${reported.nfe} NFE` : '';
  const remark = reported.of === 'family' ? 'family best' : at;
  return (
    <a href={reported.url} target="_blank" rel="noreferrer" title={`Source: ${reported.source}`}>
      {remark && <span className="caption">{remark} </span>}
      {whole}.{decimals.padEnd(DECIMALS, '\u2007')}
    </a>
  );
}
