import { activationsJson, type InspectionJson, QUANTITIES } from '../../lib/activations';
import type { LayersState } from '../../state/layers/store';
import { coverage, startOf } from '../../state/layers/summary';
import { rasterise } from '../../ui/rasterise';
import { saveBlob } from '../../ui/save-blob';
import { figureSvg } from './figure';
import { mapModel } from './map-model';
import type { Findings, Pair } from './types';

export type FigureFormat = 'png' | 'svg' | 'csv' | 'json';

/** Saves the map as a picture or as numbers; gives the line that says what was saved. */
export async function saveFindings(state: LayersState, format: FigureFormat): Promise<string> {
  const { findings, pair, view } = state;
  if (!findings || !pair) return 'Nothing is measured yet';
  const name = `${pair.map.key}-layers-${view.quantity}.${format}`.replace(/[^\w.-]+/g, '_');
  saveBlob(await contents(findings, pair, state, format), name);
  return `${name} saved`;
}

async function contents(
  findings: Findings,
  pair: Pair,
  { view }: LayersState,
  format: FigureFormat,
): Promise<Blob> {
  if (format === 'csv') return new Blob([findingsCsv(findings)], { type: 'text/csv' });
  if (format === 'json')
    return new Blob([JSON.stringify(findingsJson(findings, pair))], { type: 'application/json' });
  const svg = figureSvg(mapModel(findings, view), findings, pair, view);
  if (format === 'svg') return new Blob([svg.text], { type: 'image/svg+xml' });
  return rasterise(svg);
}

/** The file that `innate inspect` writes of the same measurement. */
export function findingsJson(findings: Findings, pair: Pair): InspectionJson {
  const { table, student, weights, likeness } = findings;
  return {
    ...activationsJson(pair.map.key, table),
    input: findings.input,
    samples: coverage(findings).images,
    activeThreshold: findings.activeThreshold,
    backend: findings.backend,
    ...(pair.student &&
      student && {
        student: {
          model: pair.student.key,
          sigma: startOf(findings),
          blocks: activationsJson(pair.student.key, student).blocks,
          likeness: likeness ?? { examples: 0, cka: [] },
          layers: [...(weights ?? [])],
        },
      }),
  };
}

/** One line a row, level and quantity. */
export function findingsCsv(findings: Findings): string {
  const { rows, sigmas, table, student } = findings;
  const lines = ['network,layer,resolution,channels,sigma,quantity,mean,spread,images'];
  const tables = [
    { network: 'teacher', table, levels: sigmas },
    ...(student ? [{ network: 'student', table: student, levels: [startOf(findings)] }] : []),
  ];
  for (const { network, table: numbers, levels } of tables)
    for (const [i, row] of rows.entries())
      for (const [level, sigma] of levels.entries())
        for (const quantity of QUANTITIES) {
          const cell = numbers.cell(quantity, i, level);
          if (cell)
            lines.push(
              [
                network,
                row.name,
                row.resolution,
                row.channels,
                sigma,
                quantity,
                cell.mean,
                cell.spread,
                cell.count,
              ].join(),
            );
        }
  return `${lines.join('\n')}\n`;
}
