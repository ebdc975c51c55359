import { useEffect } from 'react';
import type { MetricKey } from '../../protocol/measure';
import type { KeptResult } from '../../state/measure/store';
import { useMeasuring } from '../../state/measure/use-measuring';
import type { ModelFacts } from '../../state/models';
import { useApp, useCatalogue, useMeasure, useModels } from '../../state/react';
import { Note } from '../../ui/Note';
import { useChoices } from './choices';
import { MeasureBar } from './MeasureBar';
import './measure.css';
import { NearestSection } from './NearestSection';
import { Numbers } from './Numbers';
import { Settings } from './Settings';

/** Numbers of one model: what is measured, what was found, and whether it copies. */
export default function MeasureView() {
  const { stores } = useApp();
  const key = useMeasure((s) => s.shown);
  const model = useModels().find((m) => m.key === key);
  if (model) return <Measure key={model.key} model={model} />;
  return (
    <div className="measure-gone">
      <p className="secondary">This model is not open any more.</p>
      <button type="button" className="button" onClick={() => stores.measure.setState({ shown: null })}>
        Back to Models
      </button>
    </div>
  );
}

function Measure({ model }: { model: ModelFacts }) {
  const measuring = useMeasuring();
  const choices = useChoices(model);
  const { results, error } = useMeasure((s) => ({
    results: s.results[model.key] ?? NONE,
    error: s.error?.key === model.key ? s.error.line : null,
  }));
  const teacherOf = useTeacher(model);
  const paper = usePaper(model);
  useEffect(() => void measuring.files({ do: 'list' }), [measuring]);
  return (
    <div className="measure">
      <MeasureBar model={model} choices={choices} />
      <div className="measure-columns">
        <Settings model={model} choices={choices} />
        <div className="measure-found">
          <section className="measure-part" aria-label="Results">
            {error && <Note tone="error">{error}</Note>}
            {results.length > 0 ? (
              <Numbers model={model.name} results={results} teacherOf={teacherOf} paper={paper} />
            ) : (
              <p className="secondary">
                Nothing was measured of this model yet. The distance says how far its images are from real
                ones; real images that were held out say what a perfect generator would get.
              </p>
            )}
          </section>
          <NearestSection model={model} choices={choices} />
        </div>
      </div>
    </div>
  );
}

// A constant: a selector that makes a new list each time would never come to rest.
const NONE: readonly KeptResult[] = [];

/** Numbers of a student's teacher on the same features: what was measured here, else the catalogue's distance. */
function useTeacher({ key }: ModelFacts) {
  const models = useCatalogue()?.models;
  const all = useMeasure((s) => s.results);
  const teacher = models?.find((m) => m.id === key)?.teacher;
  return (result: KeptResult): { values: Partial<Record<MetricKey, number>>; nfe: number } | null => {
    if (!teacher) return null;
    const here = all[teacher]?.find((r) => r.features === result.features);
    if (here) {
      const values = Object.entries(here.metrics).map(([metric, { value }]) => [metric, value]);
      return { values: Object.fromEntries(values), nfe: here.nfe };
    }
    const known = models
      ?.find((m) => m.id === teacher)
      ?.quality.find((q) => result.features.startsWith(q.features.split(',')[0]!));
    return known ? { values: { fid: known.value }, nfe: known.nfe } : null;
  };
}

/** The FID that the authors report. */
function usePaper({ key }: ModelFacts): number | null {
  return useCatalogue()?.models.find((m) => m.id === key)?.reported?.value ?? null;
}
