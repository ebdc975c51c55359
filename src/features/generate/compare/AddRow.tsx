import { Plus } from 'lucide-react';
import { useState } from 'react';
import { formatRowSpec, type RowSpec } from '../../../lib/row-spec';
import { chosenSampler, ownSampler, type SamplerName } from '../../../lib/sampling';
import { manySteps, ownSteps, usualRow } from '../../../state/compare/rows';
import { MAX_ROWS } from '../../../state/compare/view';
import type { ModelFacts } from '../../../state/models';
import { useApp, useModels } from '../../../state/react';
import { formatNumber } from '../../../ui/format';
import { Segmented } from '../../../ui/Segmented';
import { SAMPLER_OPTIONS } from '../sampler-options';
import type { ShownRow } from './use-rows';

/** The choice of a row: a model, and how many steps it takes. What it starts with can be changed once it is there. */
export function AddRow({ rows }: { rows: readonly ShownRow[] }) {
  const { controller } = useApp();
  const models = useModels();
  const [chosen, setChosen] = useState<string | null>(null);
  const [sampler, setSampler] = useState<SamplerName | null>(null);
  const picked = models.find((m) => m.key === chosen);
  const offer = picked ? usualRow(picked) : nextRow(models, rows);
  const model = models.find((m) => m.key === offer?.model);
  if (!offer || !model) return null;
  const row = sampler === null ? offer : withSampler(offer, sampler, model);
  const full = rows.length >= MAX_ROWS;
  const there = rows.some((r) => r.key === formatRowSpec(row));
  return (
    // biome-ignore lint/a11y/useSemanticElements: the group has a heading, which a legend cannot hold
    <div className="add-row" role="group" aria-labelledby="add-row">
      <div className="add-row-title">
        <h2 id="add-row">Add a row</h2>
        <span className="caption">
          {rows.length} of {MAX_ROWS}
        </span>
      </div>
      <select
        className="select"
        aria-label="Model of the new row"
        value={model.key}
        onChange={(event) => {
          setChosen(event.currentTarget.value);
          setSampler(null);
        }}
      >
        {models.map((m) => (
          <option key={m.key} value={m.key}>
            {m.name}
          </option>
        ))}
      </select>
      <div className="field">
        <span>Steps</span>
        <Segmented
          label="Steps of the new row"
          value={row.sampler ?? ownSampler(model)}
          options={SAMPLER_OPTIONS}
          onChange={setSampler}
        />
      </div>
      <p className="caption">{full ? `${MAX_ROWS} rows are shown: remove one first.` : startText(model)}</p>
      <button
        type="button"
        className="button primary"
        disabled={full || there}
        title={there ? 'This row is shown already' : undefined}
        onClick={() => {
          controller.compare.add(row);
          setChosen(null);
          setSampler(null);
        }}
      >
        <Plus aria-hidden />
        {there ? 'Shown already' : 'Add row'}
      </button>
    </div>
  );
}

const withSampler = (row: RowSpec, sampler: SamplerName, model: ModelFacts): RowSpec =>
  sampler === 'heun' ? manySteps(row.model) : { ...row, sampler: chosenSampler(sampler, model), steps: null };

const startText = ({ ref, sigma }: ModelFacts): string =>
  `${ref.kind === 'opened' ? 'Opened on this device' : 'On this device'}. It starts at its own sigma, ${formatNumber(sigma)}.`;

/**
 * What is offered next: the first model that has no row yet, of the data set that is being compared where there is one;
 * then a teacher in one step, which shows what distilling is for.
 */
function nextRow(models: readonly ModelFacts[], rows: readonly ShownRow[]): RowSpec | undefined {
  const dataset = rows[0]?.model.facts?.dataset;
  const near = [...models].sort((a, b) => Number(b.dataset === dataset) - Number(a.dataset === dataset));
  const offers = [
    ...near.map(usualRow),
    ...near.filter((m) => m.role === 'teacher').map((m) => ownSteps(m.key)),
  ];
  const free = (row: RowSpec) => !rows.some((r) => r.key === formatRowSpec(row));
  const unseen = (row: RowSpec) => !rows.some((r) => r.row.model === row.model);
  return offers.find((row) => free(row) && unseen(row)) ?? offers.find(free) ?? offers[0];
}
