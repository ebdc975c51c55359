import { Ruler } from 'lucide-react';
import { lineOf } from '../../state/measure/line';
import type { KeptResult } from '../../state/measure/store';
import type { ModelFacts } from '../../state/models';
import { useApp, useMeasure } from '../../state/react';

/** Leads to the numbers of a model. */
export function MeasureButton({ model }: { model: Pick<ModelFacts, 'key' | 'name'> }) {
  const { stores } = useApp();
  const { key, name } = model;
  const state = useMeasure((s) =>
    s.work?.key === key ? 'under way' : s.pending?.key === key ? 'interrupted' : null,
  );
  return (
    <button
      type="button"
      className="button"
      aria-label={`Measure ${name}`}
      onClick={() => stores.measure.setState({ shown: key })}
    >
      <Ruler aria-hidden />
      {state === null ? 'Measure' : `Measure, ${state}`}
    </button>
  );
}

/** Lines of a model that stand in a list of others. */
const LINES = 2;

/** What was measured of a model in this browser, the newest first. */
export function Measured({ model }: { model: Pick<ModelFacts, 'key'> }) {
  const results = useMeasure((s) => s.results[model.key] ?? NONE);
  return results.slice(0, LINES).map((result) => (
    <p key={result.at} className="caption">
      Measured here: {lineOf(result)}.
    </p>
  ));
}

// A constant: a selector that makes a new list each time would never come to rest.
const NONE: readonly KeptResult[] = [];
