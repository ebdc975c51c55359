import { Copy, Save } from 'lucide-react';
import { useState } from 'react';
import type { MeasureResult } from '../../protocol/measure';
import { copyText } from '../../ui/copy-text';
import { formatValue, formatWhole } from '../../ui/format';
import { Note } from '../../ui/Note';
import { saveBlob } from '../../ui/save-blob';
import { markdownTable, metricRows } from './measure-export';

/** "FID 3.21 ± 0.04 at 1 NFE, ...": a number never stands without what it means nothing without. */
export const lineOf = (result: MeasureResult): string =>
  `${result.onInception ? 'FID' : 'FD'} ${distanceOf(result)}${detailsOf(result)}`;

const distanceOf = ({ metrics: { fid } }: MeasureResult): string => (fid ? formatValue(fid.value) : '');

function detailsOf({ metrics: { fid }, nfe, spread, n, reference }: MeasureResult): string {
  const error = fid?.error == null ? '' : ` ± ${formatValue(fid.error)}`;
  const floor = fid?.floor == null ? '' : `, floor ${formatValue(fid.floor)}`;
  return `${error} at ${nfe} NFE${floor}, spread ${formatValue(spread)}, n = ${formatWhole(n)} against ${reference}`;
}

/** All numbers of a measurement, and what carries them elsewhere. */
export function Result({ model, result }: { model: string; result: MeasureResult }) {
  const [copied, setCopied] = useState(false);
  return (
    <>
      <p role="status">
        <strong>{distanceOf(result)}</strong>
        {detailsOf(result)}. Features: {result.features}.{result.onInception ? '' : ' Not the Inception FID.'}
      </p>
      <table className="measured">
        <thead>
          <tr>
            <th scope="col">Metric</th>
            <th scope="col">Here</th>
            <th scope="col">Real images</th>
          </tr>
        </thead>
        <tbody>
          {metricRows(result).map(({ label, value, error, floor }) => (
            <tr key={label}>
              <th scope="row">{label}</th>
              <td>
                {value} <span className="caption">{error}</span>
              </td>
              <td>{floor}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {result.skipped && <Note tone="warn">{result.skipped}.</Note>}
      <div className="measure-exports">
        <button
          type="button"
          className="button quiet"
          onClick={async () => setCopied(await copyText(markdownTable(model, result)))}
        >
          <Copy aria-hidden />
          {copied ? 'Copied' : 'Copy as Markdown'}
        </button>
        <button
          type="button"
          className="button quiet"
          onClick={() =>
            saveBlob(
              new Blob([JSON.stringify({ model, ...result }, null, 1)], { type: 'application/json' }),
              'measured.json',
            )
          }
        >
          <Save aria-hidden />
          Save JSON
        </button>
      </div>
    </>
  );
}
