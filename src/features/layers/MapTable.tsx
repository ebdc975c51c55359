import { sigmaText, startOf } from '../../state/layers/summary';
import type { LayersView } from '../../state/layers/view';
import { formatValue } from '../../ui/format';
import { HiddenTable } from '../../ui/network-map/HiddenTable';
import { cellOf, type MapModel, type MapRow } from './map-model';
import type { Findings } from './types';
import { QUANTITY_WORDS } from './words';

interface Props {
  findings: Findings;
  model: MapModel;
  view: LayersView;
  student: boolean;
}

/** The map's numbers for who does not see it. */
export function MapTable({ findings, model: { rows, sigmas }, view, student }: Props) {
  const levels = sigmas.map((sigma) => `sigma ${sigmaText(sigma)}`);
  const own = [`student at ${sigmaText(startOf(findings))}`, 'student is most like the teacher at'];
  return (
    <HiddenTable
      caption={`${QUANTITY_WORDS[view.quantity].name}, mean over the images`}
      columns={student ? [...levels, ...own] : levels}
      rows={rows.map((row) => {
        const { name, resolution, channels } = row.row;
        const means = sigmas.map((_, level) => {
          const cell = cellOf(findings, view, row.index, level);
          return cell ? formatValue(cell.mean) : 'none';
        });
        return {
          name,
          words: `${name}, ${resolution} by ${resolution}, ${channels} channels`,
          cells: student ? [...means, ...studentCells(row, sigmas)] : means,
        };
      })}
    />
  );
}

const studentCells = ({ student, likest }: MapRow, sigmas: readonly number[]): string[] => [
  student ? formatValue(student.value) : 'none',
  likest ? (likest.clear ? `sigma ${sigmaText(sigmas[likest.level]!)}` : 'no level clearly') : 'not compared',
];
