import { useMemo } from 'react';
import type { DistilPlan } from '../../../protocol/distil';
import { placed } from '../../../state/distil/parts';
import { formatCount } from '../../../ui/format';
import { PartsKeys, PartsMap } from '../parts-map/PartsMap';

/** What trains and what stays as the teacher has it, on the map on which it was chosen. */
export function FreezeMap({ plan }: { plan: DistilPlan }) {
  const all = useMemo(
    () => plan.layers.map(({ name, parameters }) => placed({ name, size: parameters })),
    [plan],
  );
  const frozen = useMemo(
    () => new Set(plan.layers.flatMap(({ name, trains }) => (trains ? [] : [name]))),
    [plan],
  );
  const share = Math.round((100 * plan.trainedParameters) / plan.parameters);
  return (
    <figure className="freeze">
      <header className="part">
        <h3>What trains</h3>
        <p className="caption">
          {formatCount(plan.trainedParameters)} of {formatCount(plan.parameters)} parameters, {share} %
        </p>
        <PartsKeys />
      </header>
      <PartsMap all={all} frozen={frozen} />
    </figure>
  );
}
