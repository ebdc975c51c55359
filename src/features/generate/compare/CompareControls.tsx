import { classSource } from '../../../lib/classes';
import { largestModel } from '../../../state/compare/memory';
import { useEngine } from '../../../state/react';
import { Dock } from '../../../ui/Dock';
import { formatBytes } from '../../../ui/format';
import { ClassControl } from '../ClassControl';
import { ModeSwitch } from '../ModeSwitch';
import { RandomSeedButton } from '../RandomSeedButton';
import { SeedControl } from '../SeedControl';
import { AddRow } from './AddRow';
import { type ShownRow, useCompare } from './use-rows';

/** Seed and class of all rows, and a row more. */
export function CompareControls({ rows }: { rows: readonly ShownRow[] }) {
  const source = classSource(rows.flatMap((row) => row.model.facts ?? []));
  return (
    <section className="controls" aria-label="Controls">
      <ModeSwitch />
      <Dock>
        <SeedControl />
        {source && <ClassControl model={source} />}
      </Dock>
      <RandomSeedButton />
      <hr className="rule-line" />
      <AddRow rows={rows} />
      <hr className="rule-line" />
      <MemoryNote rows={rows} />
    </section>
  );
}

function MemoryNote({ rows }: { rows: readonly ShownRow[] }) {
  const bytes = useCompare((s) => s.bytes);
  const backend = useEngine((s) => s.status?.backend?.name ?? null);
  const largest = largestModel(
    rows.map((row) => row.model),
    bytes,
    backend,
  );
  return (
    <p className="caption compare-note">
      Every row gets the same noise and class. One model is in memory at a time
      {largest && `: the largest ${largest.seen ? 'took' : 'needs at least'} ${formatBytes(largest.bytes)}`}.
    </p>
  );
}
