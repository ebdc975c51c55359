/** Which preconditioning wraps a U-Net: the formula that makes a denoiser of it (nn/precond.ts). */
export type PrecondKind =
  | 'EDMPrecond'
  | 'GDDPrecond'
  | 'ECMPrecond'
  | 'VEPrecond'
  | 'VPPrecond'
  | 'iDDPMPrecond';

export interface Preconditioning {
  readonly kind: PrecondKind;
  /** What --precond takes. */
  readonly name: string;
  /** For people: whose networks have it. */
  readonly words: string;
}

/** Every preconditioning there is, in the order of a choice. */
export const PRECONDITIONINGS: readonly Preconditioning[] = [
  { kind: 'EDMPrecond', name: 'edm', words: 'EDM, SiD and most others' },
  { kind: 'GDDPrecond', name: 'gdd', words: 'GDD and D2O students' },
  { kind: 'ECMPrecond', name: 'ecm', words: 'ECT consistency models' },
  { kind: 'VEPrecond', name: 've', words: 'VE (score-based)' },
  { kind: 'VPPrecond', name: 'vp', words: 'VP (score-based)' },
  { kind: 'iDDPMPrecond', name: 'iddpm', words: 'iDDPM, guided diffusion in EDM' },
];

/** Other names of the same formula: D2O is what the authors of GDD call it now. */
const ALIASES: Readonly<Record<string, PrecondKind>> = { D2OPrecond: 'GDDPrecond' };

/** The preconditioning of a class of that name; null for one that is not known. */
export const precondNamed = (className: string): PrecondKind | null =>
  PRECONDITIONINGS.find((p) => p.kind === className)?.kind ?? ALIASES[className] ?? null;
