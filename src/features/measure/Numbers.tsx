import { Copy, Save } from 'lucide-react';
import { useState } from 'react';
import { lineOf } from '../../state/measure/line';
import type { KeptResult } from '../../state/measure/store';
import { copyText } from '../../ui/copy-text';
import { formatValue, formatWhole } from '../../ui/format';
import { Note } from '../../ui/Note';
import { saveBlob } from '../../ui/save-blob';
import { markdownTable } from './measure-export';
import { type NumberRow, numberRows } from './numbers';

interface Props {
  model: string;
  /** The newest first; at least one. */
  results: readonly KeptResult[];
  /** The teacher's result on the same features, and its name; null where there is none. */
  teacherOf: (
    result: KeptResult,
  ) => { values: Parameters<typeof numberRows>[1]['teacher']; nfe: number } | null;
  paper: number | null;
}

/** What was found: the large figure, and every number on a scale of its own. */
export function Numbers({ model, results, teacherOf, paper }: Props) {
  const [at, setAt] = useState<number | null>(null);
  const [copied, setCopied] = useState(false);
  const result = results.find((r) => r.at === at) ?? results[0]!;
  const teacher = teacherOf(result);
  const rows = numberRows(result, { teacher: teacher?.values ?? {}, paper });
  const { fid } = result.metrics;
  return (
    <>
      <div className="found-head">
        <p className="found-reading" role="status">
          {fid && (
            <span className="reading">
              {formatValue(fid.value)}
              <small>{result.onInception ? 'FID' : 'FD'}</small>
            </span>
          )}{' '}
          <span className="secondary">{headline(result)}</span>
        </p>
        <span className="found-tools">
          {results.length > 1 && (
            <select
              className="select"
              aria-label="Which measurement"
              value={result.at}
              onChange={(event) => setAt(Number(event.currentTarget.value))}
            >
              {results.map((r) => (
                <option key={r.at} value={r.at}>
                  {`${new Date(r.at).toLocaleString()}: ${lineOf(r)}`}
                </option>
              ))}
            </select>
          )}
          <button
            type="button"
            className="button quiet"
            onClick={async () => setCopied(await copyText(markdownTable(model, result)))}
          >
            <Copy aria-hidden />
            {copied ? 'Copied' : 'Markdown row'}
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
            JSON
          </button>
        </span>
      </div>
      <table className="numbers">
        <thead>
          <tr>
            <th scope="col">Number</th>
            <th scope="col" className="value">
              Here
            </th>
            <th scope="col">
              <span className="dot-keys">
                <span>
                  <i className="dot-here" />
                  here
                </span>
                {teacher && (
                  <span>
                    <i className="dot-teacher" />
                    teacher, {teacher.nfe} NFE
                  </span>
                )}
                <span>
                  <i className="dot-real" />
                  real images
                </span>
              </span>
            </th>
            <th scope="col" className="value">
              Real images
            </th>
            <th scope="col" className="value">
              Paper
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row key={row.key} row={row} />
          ))}
        </tbody>
      </table>
      <p className="caption">
        {result.features}. n = {formatWhole(result.n)} against {result.reference}; {result.nfe} NFE. Spread{' '}
        {formatValue(result.spread)} of real images’.{result.onInception ? '' : ' Not the Inception FID.'}
      </p>
      {result.skipped && <Note tone="warn">{result.skipped}.</Note>}
    </>
  );
}

/** What the large figure means nothing without. */
function headline({ metrics: { fid }, features, n, protocol, onInception }: KeptResult): string {
  const what = onInception ? 'Inception' : `${features.split(/ trained|,/)[0]}, not an FID`;
  const amount = `n = ${formatWhole(n)}${protocol ? `, ${protocol}` : ''}`;
  if (!fid) return `${what}; ${amount}`;
  const error = fid.error === null ? '' : ` ± ${fid.error.toFixed(2)}`;
  return fid.mean === undefined
    ? `${error.trim()}${error ? ' ' : ''}${what}; ${amount}`
    : `the lowest of ${fid.sets!.length} sets; mean ${formatValue(fid.mean)}${error}; ${what}; ${amount}`;
}

function Row({ row }: { row: NumberRow }) {
  const { label, note, digits, value, error, floor, paper } = row;
  const show = (v: number) => v.toFixed(digits).replace('-', '−');
  return (
    <tr>
      <th scope="row">
        <b>{label}</b> <span className="caption">{note}</span>
      </th>
      <td className="value">
        {value === null ? (
          <span className="caption">{row.lacks}</span>
        ) : (
          <>
            <b>{show(value)}</b>
            {error !== null && <span className="secondary"> ± {show(error)}</span>}
          </>
        )}
      </td>
      <td className="dot-cell">{value !== null && <Dots row={row} value={value} show={show} />}</td>
      <td className="value" data-label="real">
        {floor === null ? '' : show(floor)}
      </td>
      <td className="value" data-label="paper">
        {paper === null ? <span className="caption">none</span> : show(paper)}
      </td>
    </tr>
  );
}

interface DotsProps {
  row: NumberRow;
  value: number;
  show: (value: number) => string;
}

/** Here with its error bar, the teacher hollow, real images as a line. */
function Dots({ row, value, show }: DotsProps) {
  const { low, high, error, floor, teacher } = row;
  const at = (v: number) => `${(100 * (v - low)) / (high - low)}%`;
  const words = [
    `here ${show(value)}${error === null ? '' : ` ± ${show(error)}`}`,
    teacher === null ? null : `teacher ${show(teacher)}`,
    floor === null ? null : `real images ${show(floor)}`,
  ];
  return (
    <div className="dots" role="img" aria-label={`${row.label}: ${words.filter(Boolean).join(', ')}`}>
      <i className="dots-base" />
      {floor !== null && <i className="dot-real" style={{ insetInlineStart: at(floor) }} />}
      {teacher !== null && <i className="dot-teacher" style={{ insetInlineStart: at(teacher) }} />}
      {error !== null && (
        <i
          className="dots-error"
          style={{ insetInlineStart: at(value - error), inlineSize: `${(200 * error) / (high - low)}%` }}
        />
      )}
      <i className="dot-here" style={{ insetInlineStart: at(value) }} />
      <span className="dots-low">{low}</span>
      <span className="dots-high">{high}</span>
    </div>
  );
}
