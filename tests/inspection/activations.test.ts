import { expect, it } from 'vitest';
import { openModelArgument } from '../../cli/catalogue';
import { ActivationTable, activationsJson, readActivations } from '../../src/lib/activations';
import { inspectionLevels } from '../../src/lib/noise-levels';
import { inspectionRows } from '../../src/nn/inspection/rows';

it('a written file reads as the same table', () => {
  const rows = inspectionRows(openModelArgument('fashion-mnist-32x32-teacher').config.unet, true);
  const levels = inspectionLevels('log', 3);
  const count = 2;
  const table = readActivations(activationsJson('x', emptyTable()));
  expect(table.rows.length).toBe(rows.filter((r) => r.part === null).length); // parts without numbers are left out

  function emptyTable() {
    const made = readActivations({ model: 'x', sigmas: levels, blocks: [] });
    expect(made.rows).toEqual([]);
    const filled = new ActivationTable(rows, levels);
    levels.forEach((_, level) => {
      const rms = Float32Array.from({ length: rows.length * count }, (_, i) =>
        rows[Math.floor(i / count)]!.part === null ? i + level / 4 : Number.NaN,
      );
      filled.add({ level, count, values: { rms } });
    });
    const again = readActivations(activationsJson('x', filled));
    expect(again.cell('rms', 0, 2)).toEqual({ mean: 1, spread: 0.5, count: 2 });
    expect(again.cell('entropy', 0, 2)).toBeNull();
    expect(again.samples('rms', 1, 1)).toHaveLength(2);
    return filled;
  }
});
