/** What one step of a distillation reports; means are taken over its batch. */
export interface StepReport {
  iteration: number;
  /** Real images seen, this step included. */
  images: number;
  /** null where only the discriminator was updated. */
  lossG: number | null;
  lossD: number | null;
  /** E|d logits/dx|^2, on the iterations that took it. */
  r1: number | null;
  logitsReal: number | null;
  logitsFake: number | null;
  /** Root of the summed squares of all gradients. */
  gradientNormG: number | null;
  gradientNormD: number | null;
}

/** One point of a run's curves: what a step reported, and what was measured after it. */
export interface CurvePoint extends StepReport {
  imagesPerSecond: number;
  frechet?: number;
  frechetError?: number | null;
  /** Total variance of the features of the student's images beside real images'. */
  spread?: number;
  /** Total variance of the pixels of the samples beside real images', where samples were made. */
  sampleSpread?: number;
  /** What the distance and the samples of this moment took, without what is made once for all of them. */
  measureSeconds?: number;
  sampleSeconds?: number;
}
