import { useMemo } from 'react';
import { useStore } from 'zustand';
import { useShallow } from 'zustand/react/shallow';
import type { RowFigures } from '../../../lib/row-caption';
import { missingColumns, planRows, type RowPlan } from '../../../state/compare/plan';
import { rowFigures } from '../../../state/compare/row-model';
import { type CompareState, type RowResult, type RowRun, resultOf } from '../../../state/compare/store';
import { readComparison } from '../../../state/compare/view';
import { hereOf } from '../../../state/models/rows';
import { useApp, useEngine, useMeasure, useView } from '../../../state/react';

/** A row as it is shown. */
export interface ShownRow extends RowPlan {
  /** Tells it from others also where two rows are the same. */
  id: string;
  result: RowResult;
  figures: RowFigures;
  finished: boolean;
  /** Its images are being made. */
  run: RowRun | null;
}

export const useCompare = <T>(select: (compare: CompareState) => T): T =>
  useStore(useApp().stores.compare, select);

/** The image that is open beside the rows. */
export function useOpenCell() {
  const comparison = useView((v) => v.comparison);
  return useMemo(() => readComparison(comparison).at, [comparison]);
}

/** All rows, followed. */
export function useRows(): readonly ShownRow[] {
  const { stores } = useApp();
  const comparison = useView((v) => v.comparison);
  const seed = useView((v) => v.seed);
  const classIndex = useView((v) => v.classIndex);
  const mix = useView((v) => v.mix);
  const temperature = useView((v) => v.temperature);
  const own = useView((v) => v.own);
  const latents = useStore(stores.latents);
  const catalogue = useStore(stores.catalogue);
  const opened = useEngine((s) => s.opened);
  const measured = useMeasure((s) => s.results);
  const here = useStore(
    stores.rows,
    useShallow((s) => hereOf(s.rows)),
  );
  const compare = useCompare((s) => s);
  // biome-ignore lint/correctness/useExhaustiveDependencies: planRows reads these from their stores
  const plans = useMemo(
    () => planRows(stores),
    [
      stores,
      comparison,
      seed,
      classIndex,
      mix,
      temperature,
      own,
      latents,
      catalogue,
      opened,
      here,
      compare.columns,
    ],
  );
  return useMemo(() => {
    const seen = new Map<string, number>();
    return plans.map((plan) => {
      const result = resultOf(compare, plan.key);
      const { reading } = result;
      const ms = reading && reading.ms / reading.images;
      const times = (seen.get(plan.key) ?? 0) + 1;
      seen.set(plan.key, times);
      return {
        ...plan,
        id: `${plan.key} ${times}`,
        result,
        figures: rowFigures(plan.row, plan.model, ms, measured[plan.row.model] ?? []),
        finished: plan.wanted.length > 0 && missingColumns(plan, result).length === 0,
        run: compare.run?.key === plan.key && times === 1 ? compare.run : null,
      };
    });
  }, [plans, compare, measured]);
}
