import { type InspectionJson, readActivations } from '../lib/activations';
import type { Catalogue } from '../storage/catalogue';
import type { Findings } from './layers';

/** Whether the networks that were measured are still those that the page ships. */
export function upToDate({ weights = {} }: InspectionJson, catalogue: Catalogue | null): boolean {
  return Object.entries(weights).every(([id, sha256]) =>
    catalogue?.models.find((m) => m.id === id)?.files.some((file) => file.sha256 === sha256),
  );
}

export function readFindings(json: InspectionJson): Findings {
  const table = readActivations(json);
  const { student } = json;
  return {
    rows: table.rows,
    sigmas: json.sigmas,
    activeThreshold: json.activeThreshold,
    table,
    coarse: table,
    student: student
      ? readActivations({ model: student.model, sigmas: [student.sigma], blocks: student.blocks })
      : null,
    weights: student?.layers ?? null,
    likeness: student?.likeness ?? null,
    input: json.input,
    samples: json.samples,
    source: 'beforehand',
    backend: json.backend,
  };
}
