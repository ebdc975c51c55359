import type { WeightSource } from '../../nn/weights';
import type { DistilEvent } from '../../protocol/distil';
import { asStudent, deltaPieces, studentMetadata } from '../runs/student';
import type { OpenRun } from './open-run';

/** A moment of a run: the samples that were made then, and the weights that made them. */
export interface Moment {
  /** Real images seen. */
  images: number;
  /** RGBA, one sample after the other. */
  pixels: Uint8ClampedArray<ArrayBuffer>;
  weights: WeightSource;
}

/** Tells of a moment and keeps it in the run's folder, so that it can be gone back to: its student after the start. */
export async function keepMoment(
  { folder, record, sources }: OpenRun,
  { images, pixels, weights }: Moment,
  emit: (event: DistilEvent) => void,
): Promise<void> {
  const { config, about } = record;
  const student = folder !== null && images > 0;
  let gone = 0;
  try {
    await folder?.saveSamples(images, pixels);
    if (student) {
      const metadata = studentMetadata(config, images, about, sources.teacher.config.unet);
      const pieces = deltaPieces(asStudent(sources.teacher, config), weights, metadata, about.teacherKey);
      gone = await folder.saveStudent(images, pieces);
    }
  } catch {
    // No room: the save that follows says so, and frees what it can.
  }
  record.thinned += gone;
  emit({ kind: 'samples', images, pixels, resolution: about.resolution, student });
  if (folder && student) emit({ kind: 'students', images: await folder.studentMoments() });
}
