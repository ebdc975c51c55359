import type { InspectionJson } from '../../lib/activations';
import { readActivations } from '../../lib/activations';
import { parseInspection } from '../../lib/inspection-file';
import type { Catalogue } from '../../storage/catalogue';
import type { Pair } from './pair';
import type { Findings } from './store';

/** Whether the networks that were measured are still those that the page ships. */
export function upToDate({ model, weights = {} }: InspectionJson, catalogue: Catalogue | null): boolean {
  return (
    weights[model] !== undefined &&
    Object.entries(weights).every(([id, sha256]) =>
      catalogue?.models.find((m) => m.id === id)?.files.some((file) => file.sha256 === sha256),
    )
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

interface Stored {
  findings: Findings;
  /** Id of the student that was measured too; null = none. */
  student: string | null;
}

/**
 * What was measured of the shipped teachers beforehand and comes with the page. It only saves waiting: a file that
 * is missing, damaged, of other weights, or no JSON at all is as good as none.
 */
export class Beforehand {
  private readonly files = new Map<string, Promise<Stored | null>>();

  constructor(
    /** Text of a teacher's file; rejects where there is none. */
    private readonly load: (teacher: string) => Promise<string>,
    private readonly catalogue: () => Catalogue | null,
  ) {}

  /** What is known of a pair; null where nothing is. Never rejects. */
  async of({ map, student }: Pair): Promise<Findings | null> {
    if (map.ref.kind !== 'catalogue' || map.role !== 'teacher') return null;
    let file = this.files.get(map.key);
    if (!file) {
      file = this.read(map.key).catch(() => null);
      this.files.set(map.key, file);
    }
    const stored = await file;
    if (!stored) return null;
    return student && student.key === stored.student
      ? stored.findings
      : { ...stored.findings, student: null, weights: null, likeness: null };
  }

  /** Files that could not be read are asked for once more when they are next needed. */
  async tryAgain(): Promise<void> {
    for (const [key, file] of [...this.files]) if ((await file) === null) this.files.delete(key);
  }

  private async read(teacher: string): Promise<Stored | null> {
    const json = parseInspection(await this.load(teacher));
    if (json.model !== teacher || !upToDate(json, this.catalogue())) return null;
    return { findings: readFindings(json), student: json.student?.model ?? null };
  }
}
