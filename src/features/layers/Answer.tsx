import type { LikenessJson } from '../../lib/activations';
import { placeOf } from '../../lib/network-place';
import {
  MARGIN,
  nearestLevel,
  sigmaText,
  startOf,
  unchangedShare,
  verdict,
} from '../../state/layers/summary';
import type { LayersView } from '../../state/layers/view';
import { formatMs, formatValue, leftWords } from '../../ui/format';
import { ProgressLine } from '../../ui/ProgressLine';
import { type Ramp, type Ramps, rampColour } from '../../ui/ramp';
import { type MapModel, RATIO_SPAN } from './map-model';
import type { Findings } from './types';
import { useLayers, useLayersController } from './use-layers';
import { originText, QUANTITY_WORDS } from './words';
import './Answer.css';

/** What the map says in words, with its method, and the scales of its colours. */
export function Answer({
  findings,
  model,
  view,
  ramps,
}: {
  findings: Findings;
  model: MapModel;
  view: LayersView;
  ramps: Ramps;
}) {
  const words = QUANTITY_WORDS[view.quantity];
  const { range } = model;
  return (
    <div className="answer-row">
      <div className="answer">
        <p className="secondary">
          {words.means}
          {view.quantity === 'active' && ` The threshold here is ${findings.activeThreshold} times.`}
        </p>
        {findings.student && <Likeness findings={findings} />}
      </div>
      <div className="legends">
        <Legend
          ramp={ramps.sequential}
          low={range ? formatValue(range.low) : 'lowest'}
          name={range ? words.short : `${words.short}, each ${view.scale === 'row' ? 'row' : 'kind'}`}
          high={range ? formatValue(range.high) : 'highest'}
        />
        {findings.student && (
          <Legend
            ramp={ramps.diverging}
            low={`÷ ${RATIO_SPAN}`}
            name="student ÷ teacher"
            high={`× ${RATIO_SPAN}`}
          />
        )}
        {view.scale !== 'global' && <RangeOfChosen model={model} view={view} />}
      </div>
    </div>
  );
}

function RangeOfChosen({ model, view }: { model: MapModel; view: LayersView }) {
  const row = model.rows.find((r) => r.row.name === view.row);
  if (!row?.range) return null;
  return (
    <p className="caption">
      {row.row.name}: {formatValue(row.range.low)} to {formatValue(row.range.high)}
    </p>
  );
}

function Likeness({ findings }: { findings: Findings }) {
  const measuring = useLayers((s) => s.measuring);
  const { likeness, sigmas, rows, weights } = findings;
  const start = startOf(findings);
  if (!likeness || likeness.examples === 0)
    return (
      <p>
        {measuring
          ? 'The student is compared once the map is measured.'
          : 'The student was not compared. Measure again to compare it.'}
      </p>
    );
  const blocks = rows.flatMap((r) => (r.part === null ? [r.name] : []));
  const { low, high, unclear, lowInDecoder, lowSigma } = verdict(likeness, blocks, sigmas, start);
  const decoder = blocks.filter((b) => placeOf(b).side === 'decoder').length;
  return (
    <>
      <p>
        <strong>Which time step does each student layer resemble?</strong> The student runs only at sigma{' '}
        {sigmaText(start)}
        {low.length > 0
          ? `, yet ${low.length} of its ${blocks.length} blocks, ${lowInDecoder} of ${decoder} in the decoder, are`
          : `, and none of its ${blocks.length} blocks is`}{' '}
        clearly most like the teacher’s at sigma {sigmaText(lowSigma)} or less. {high.length} are most like it
        at higher sigma; for {unclear.length} no level stands out (linear CKA, {likeness.examples} seeds).
        {weights && ` ${Math.round(100 * unchangedShare(weights))} % of all weights are unchanged.`}
      </p>
      <details>
        <summary>How this is measured</summary>
        <p className="secondary">
          The student makes pictures G(z) from noise z at sigma {sigmaText(start)}. The teacher sees G(z) +
          sigma z: at 80 all noise, at lower sigma the same picture under less of the same noise. Linear CKA (
          <a href="https://arxiv.org/abs/1905.00414" target="_blank" rel="noreferrer">
            Kornblith et al. 2019
          </a>
          ), debiased, compares the outputs of each block over the seeds; 1 is the same up to rotation and
          scale. A dot is filled where at most half of the sigmas are within {MARGIN} of the best one. It says
          which level is most alike, not that the two do the same. Formulae and sources: docs/layers.md of the
          project.
        </p>
        <BestList likeness={likeness} sigmas={sigmas} start={start} blocks={blocks} />
      </details>
    </>
  );
}

interface BestListProps {
  likeness: LikenessJson;
  sigmas: readonly number[];
  /** The student's own sigma. */
  start: number;
  blocks: readonly string[];
}

function BestList({ likeness, sigmas, start, blocks }: BestListProps) {
  const own = nearestLevel(sigmas, start);
  return (
    <table className="best">
      <thead>
        <tr>
          <th scope="col">Student block</th>
          <th scope="col">CKA with the teacher at {sigmaText(sigmas[own]!)}</th>
          <th scope="col">best</th>
          <th scope="col">at sigma</th>
        </tr>
      </thead>
      <tbody>
        {blocks.map((name, b) => {
          const levels = likeness.cka[b] ?? [];
          const best = levels.indexOf(Math.max(...levels.map((v) => v ?? 0)));
          return (
            <tr key={name}>
              <th scope="row">
                <code>{name}</code>
              </th>
              <td>{levels[own]?.toFixed(3) ?? 'none'}</td>
              <td>{levels[best]?.toFixed(3) ?? 'none'}</td>
              <td>{sigmaText(sigmas[best]!)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Legend({ ramp, low, name, high }: { ramp: Ramp; low: string; name: string; high: string }) {
  return (
    <div className="legend">
      <svg viewBox="0 0 40 1" preserveAspectRatio="none" shapeRendering="crispEdges" aria-hidden="true">
        {Array.from({ length: 40 }, (_, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a step of the scale is its place
          <rect key={i} x={i} y={0} width={1.02} height={1} fill={rampColour(ramp, i / 39)} />
        ))}
      </svg>
      <p>
        <span>{low}</span>
        <span>{name}</span>
        <span>{high}</span>
      </p>
    </div>
  );
}

const formatTime = (ms: number): string =>
  ms < 1000 ? `${formatMs(ms)} ms` : `${(ms / 1000).toPrecision(3)} s`;

/** Where the numbers come from and how long they took. */
export function Origin({ findings }: { findings: Findings }) {
  const layers = useLayersController();
  const { progress, measuring, timing } = useLayers((s) => ({
    progress: s.progress,
    measuring: s.measuring,
    timing: s.timing,
  }));
  return (
    <div className="origin">
      <p className="caption">
        {originText(findings, measuring)}
        {timing.shown !== null && ` Shown after ${formatTime(timing.shown)}`}
        {timing.live !== null && timing.live !== timing.shown && `, live after ${formatTime(timing.live)}`}
        {timing.whole !== null && `, whole in ${formatTime(timing.whole)}`}
        {timing.shown !== null && '.'}
      </p>
      {measuring ? (
        <ProgressLine
          what={progress?.what ?? 'Preparing'}
          detail={progress ? `on this device, layer by layer${leftWords(progress.left)}` : 'the network'}
          value={progress ? progress.done / progress.total : null}
          onCancel={layers.cancel}
        />
      ) : (
        <button type="button" className="button quiet" onClick={layers.measure}>
          Measure again
        </button>
      )}
    </div>
  );
}
