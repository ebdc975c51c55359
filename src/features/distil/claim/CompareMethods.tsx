import { Play } from 'lucide-react';
import { useState } from 'react';
import { claimMembers } from '../../../state/distil/series/claim';
import { isUnderWay } from '../../../state/distil/store';
import { useApp, useDistil } from '../../../state/react';
import { formatWhole } from '../../../ui/format';
import { useSetup } from '../use-setup';

/** One press: GDD-I and what copies the teacher, on one budget, ending in a picture of both. */
export function CompareMethods() {
  const { controller } = useApp();
  const { config } = useSetup();
  const busy = useDistil((s) => isUnderWay(s.run));
  const [withCd, setWithCd] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  return (
    <details className="more-numbers">
      <summary>Is copying the teacher enough?</summary>
      <p className="secondary">
        GDD-I and imitation, one after the other, on {formatWhole(config.images)} images each, with the same
        seed and rates. At the end a picture shows the same seeds of both beside the teacher’s many steps.
      </p>
      <label className="check">
        <input
          type="checkbox"
          checked={withCd}
          onChange={(event) => setWithCd(event.currentTarget.checked)}
        />
        Consistency distillation (CD) too
      </label>
      <button
        type="button"
        className="button"
        disabled={busy}
        onClick={() =>
          setProblem(controller.distil.startSeries(claimMembers(withCd), { name: 'GDD-I against imitation' }))
        }
      >
        <Play aria-hidden />
        Compare GDD-I with imitation
      </button>
      {problem && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
    </details>
  );
}
