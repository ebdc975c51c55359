import { Copy, Download, X } from 'lucide-react';
import { hereText, paperText, rowTitle } from '../../../lib/row-caption';
import { chosenSampler, evaluations, MAX_STEPS, MIN_STEPS, SIGMA } from '../../../lib/sampling';
import { counted } from '../../../lib/words';
import { type RowImage, shows } from '../../../state/compare/store';
import type { Cell } from '../../../state/compare/view';
import { useApp, useView } from '../../../state/react';
import { copyText } from '../../../ui/copy-text';
import { type Fact, Facts } from '../../../ui/Facts';
import { formatMs, formatNumber, formatWhole } from '../../../ui/format';
import { NumberField } from '../../../ui/NumberField';
import { Segmented } from '../../../ui/Segmented';
import { Hero, useHero } from '../Hero';
import { NOISE } from '../recipe';
import { SAMPLER_OPTIONS } from '../sampler-options';
import { useRowSource } from './RowsTable';
import type { ShownRow } from './use-rows';

interface Props {
  row: ShownRow;
  at: Cell;
  /** Absent where something else closes it. */
  onClose?: () => void;
}

/** One image of a row, large, and the settings of its row. */
export function CompareInspector({ row, at, onClose }: Props) {
  const want = row.wanted[at.column];
  const image = row.result.images[at.column] ?? null;
  const current = want && shows(image, want) ? image : null;
  const source = useRowSource(row.key);
  const resolution = image?.resolution ?? row.model.facts?.resolution ?? 64;
  const paints = useView((v) => v.own.some(({ place, noise }) => place === at.column && noise !== null));
  const hero = useHero(resolution);
  return (
    <>
      <Title row={row} seed={want?.seed ?? 0} image={current} onClose={onClose} />
      <Hero {...hero} source={source} index={at.column} resolution={resolution} />
      <Facts facts={rowFacts(row, current, paints)} />
      <hr className="rule-line" />
      <RowSettings row={row} at={at} />
    </>
  );
}

interface TitleProps {
  row: ShownRow;
  seed: number;
  image: RowImage | null;
  onClose: (() => void) | undefined;
}

function Title({ row, seed, image, onClose }: TitleProps) {
  const { announce, controller } = useApp();
  const { figures } = row;
  return (
    <div className="inspector-title compare-title">
      <div>
        <h2>Seed {formatNumber(seed)}</h2>
        <p className="caption" title={figures.name}>
          <i className={`compared-swatch is-${figures.role}`} aria-hidden />
          {figures.name}, {counted(evaluations(figures), 'pass', 'passes')}
        </p>
      </div>
      <button
        type="button"
        className="icon-button"
        aria-label="Copy seed"
        title="Copy seed"
        onClick={async () =>
          announce(
            (await copyText(formatNumber(seed)))
              ? `Seed ${formatNumber(seed)} was copied`
              : 'The browser did not allow copying',
          )
        }
      >
        <Copy aria-hidden />
      </button>
      <button
        type="button"
        className="icon-button"
        aria-label="Save PNG"
        title="Save PNG"
        disabled={!image}
        onClick={async () => image && (await controller.playground.exporter()).saveImage(image)}
      >
        <Download aria-hidden />
      </button>
      {onClose && (
        <button
          type="button"
          className="icon-button"
          aria-label="Close, and show more seeds"
          title="Close, and show more seeds"
          onClick={onClose}
        >
          <X aria-hidden />
        </button>
      )}
    </div>
  );
}

/** `paints`: the image has noise of its own, where the network takes it. */
function rowFacts({ figures, model }: ShownRow, image: RowImage | null, paints: boolean): Fact[] {
  const { here, paper, ms } = figures;
  const facts: Fact[] = [];
  if (image && image.recipe.noise !== 'seed') facts.push(['Noise', NOISE[image.recipe.noise]]);
  else if (image && paints) facts.push(['Noise', 'the seed’s: the latent is of another size']);
  if (image && image.recipe.classIndex !== null) facts.push(['Class', classText(image.recipe)]);
  facts.push(
    ['Time', ms === null ? 'not measured' : `${formatMs(ms)} ms an image`],
    ['Paper', <Detailed key="paper" value={paperText(figures)} detail={paper?.source} />],
    [
      'Here',
      <Detailed
        key="here"
        value={hereText(figures)}
        detail={here && `${here.features}, n = ${formatWhole(here.n)}`}
      />,
    ],
  );
  if (model.facts) facts.push(['Size', `${model.facts.resolution} × ${model.facts.resolution}`]);
  return facts;
}

/** A figure, and in small where it is from. */
function Detailed({ value, detail }: { value: string; detail: string | null | undefined }) {
  return (
    <>
      {value}
      {detail && <span className="caption fact-detail">{detail}</span>}
    </>
  );
}

function classText({ classIndex, className, mix }: RowImage['recipe']): string {
  if (mix.length > 0) return className ?? '';
  return className === null || className === String(classIndex)
    ? String(classIndex)
    : `${classIndex}, ${className}`;
}

/** What can be changed of one row. */
function RowSettings({ row, at }: { row: ShownRow; at: Cell }) {
  const { controller } = useApp();
  const { figures, model } = row;
  const change = (settings: Parameters<typeof controller.compare.change>[1]) =>
    controller.compare.change(at.row, settings);
  const own = model.facts?.sigma;
  return (
    <div className="compared-settings">
      <h3>This row</h3>
      <div className="field">
        <span>Steps</span>
        <Segmented
          label="Steps of this row"
          value={figures.sampler}
          options={SAMPLER_OPTIONS}
          onChange={(sampler) =>
            change({
              sampler: chosenSampler(sampler, { sigmaMid: model.facts?.sigmaMid ?? null }),
              steps: sampler === 'heun' ? row.row.steps : null,
            })
          }
        />
      </div>
      {figures.sampler === 'heun' && (
        <div className="field">
          <span>
            Heun steps <span className="caption">{evaluations(figures)} NFE</span>
          </span>
          <NumberField
            label="Heun steps of this row"
            value={figures.steps}
            min={MIN_STEPS}
            max={MAX_STEPS}
            step={1}
            whole
            onCommit={(steps) => change({ steps })}
          />
        </div>
      )}
      <div className="field">
        <span>
          Start sigma{' '}
          {own !== undefined && own !== figures.sigma && (
            <button type="button" className="link caption" onClick={() => change({ sigma: null })}>
              back to {formatNumber(own)}
            </button>
          )}
        </span>
        <NumberField
          label="Start sigma of this row"
          value={figures.sigma}
          min={SIGMA.min}
          max={SIGMA.max}
          onCommit={(sigma) => change({ sigma: sigma === own ? null : sigma })}
        />
      </div>
      <button
        type="button"
        className="button"
        disabled={!model.here}
        aria-label={`Show ${rowTitle(figures)} alone`}
        onClick={() => controller.compare.alone(at)}
      >
        Show alone
      </button>
    </div>
  );
}
