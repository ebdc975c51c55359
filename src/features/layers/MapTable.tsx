import { sigmaText, startOf } from '../../state/layers/summary';
import type { LayersView } from '../../state/layers/view';
import { formatValue } from '../../ui/format';
import { cellOf, type MapModel } from './map-model';
import type { Findings } from './types';
import { QUANTITY_WORDS } from './words';

interface Props {
  findings: Findings;
  model: MapModel;
  view: LayersView;
  student: boolean;
}

/** The map's numbers for who does not see it. */
export function MapTable({ findings, model, view, student }: Props) {
  return (
    <div className="hidden-text">
      <table>
        <caption>{QUANTITY_WORDS[view.quantity].name}, mean over the images</caption>
        <thead>
          <tr>
            <th scope="col">Block</th>
            {model.sigmas.map((sigma) => (
              <th key={sigma} scope="col">
                sigma {sigmaText(sigma)}
              </th>
            ))}
            {student && <th scope="col">student at {sigmaText(startOf(findings))}</th>}
            {student && <th scope="col">student is most like the teacher at</th>}
          </tr>
        </thead>
        <tbody>
          {model.rows.map(({ row, index, student: own, likest }) => (
            <tr key={row.name}>
              <th scope="row">
                {row.name}, {row.resolution} by {row.resolution}, {row.channels} channels
              </th>
              {model.sigmas.map((sigma, level) => {
                const cell = cellOf(findings, view, index, level);
                return <td key={sigma}>{cell ? formatValue(cell.mean) : 'none'}</td>;
              })}
              {student && <td>{own ? formatValue(own.value) : 'none'}</td>}
              {student && (
                <td>
                  {likest
                    ? likest.clear
                      ? `sigma ${sigmaText(model.sigmas[likest.level]!)}`
                      : 'no level clearly'
                    : 'not compared'}
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
